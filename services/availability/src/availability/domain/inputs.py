"""Checks of what a request carries; each failure names its field."""

import base64
import binascii
import re
import unicodedata
from datetime import date

from google.protobuf.timestamp_pb2 import Timestamp

from availability.domain.wallclock import DAY
from common.errors import Invalid

FIRST_MINUTE = (date(2000, 1, 1) - date(1970, 1, 1)).days * DAY
END_MINUTE = (date(2101, 1, 1) - date(1970, 1, 1)).days * DAY
WORDS = 4000
PAGE_SIZE = 50
LARGEST_PAGE = 200
_LAYOUT = frozenset("\t\n\r")
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_EMAIL = 254
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def line(text: str, field: str, longest: int = 200) -> str:
    """A text of one line, without the space around it; it may not be empty."""
    stripped = optional_line(text, field, longest)
    if not stripped:
        raise Invalid("This is needed", field=field, reason="REQUIRED")
    return stripped


def optional_line(text: str, field: str, longest: int = 200) -> str:
    """A text of one line, or none."""
    stripped = text.strip()
    _check(stripped, field, longest, frozenset())
    return stripped


def words(text: str, field: str, longest: int = WORDS) -> str:
    """A text of any number of lines, or none."""
    _check(text, field, longest, _LAYOUT)
    return text.strip()


def _check(text: str, field: str, longest: int, layout: frozenset[str]) -> None:
    if len(text) > longest:
        raise Invalid(f"At most {longest} characters", field=field, reason="TOO_LONG")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in layout for c in text):
        raise Invalid("No control characters", field=field, reason="INVALID_TEXT")


def slug(text: str, field: str) -> str:
    """A name in addresses: 1 to 60 small letters, digits and hyphens."""
    if not is_slug(text):
        raise Invalid(
            "1 to 60 small letters, digits and hyphens", field=field, reason="INVALID_SLUG"
        )
    return text


def is_slug(text: str) -> bool:
    """Whether anything could go by this name."""
    return _SLUG.fullmatch(text) is not None


def email(text: str, field: str) -> str:
    """An e-mail address, or none."""
    stripped = optional_line(text, field, _LONGEST_EMAIL)
    if stripped and not _EMAIL.fullmatch(stripped):
        raise Invalid("This is not an e-mail address", field=field, reason="INVALID_EMAIL")
    return stripped


def currency(text: str, field: str) -> str:
    """An ISO 4217 code."""
    if not _CURRENCY.fullmatch(text):
        raise Invalid("Three capitals are needed", field=field, reason="INVALID_CURRENCY")
    return text


def number(value: int, field: str, least: int, most: int) -> int:
    """A number from `least` to `most`, both included."""
    if not least <= value <= most:
        raise Invalid(f"{least} to {most}", field=field, reason="OUT_OF_RANGE")
    return value


def day(text: str, field: str) -> date:
    """A date of the years 2000 to 2100."""
    try:
        parsed = date.fromisoformat(text) if _DATE.fullmatch(text) else date.min
    except ValueError:
        parsed = date.min
    if not 2000 <= parsed.year <= 2100:
        raise Invalid(
            "A date of the years 2000 to 2100 is needed, as YYYY-MM-DD",
            field=field,
            reason="INVALID_DATE",
        )
    return parsed


def minute(value: Timestamp, field: str) -> tuple[int, bool]:
    """The minute since 1970 that an instant of the years 2000 to 2100 lies in, and whether it is
    exactly that minute's beginning."""
    whole, seconds = divmod(value.seconds, 60)
    if not FIRST_MINUTE <= whole < END_MINUTE or not 0 <= value.nanos < 1_000_000_000:
        raise Invalid(
            "An instant of the years 2000 to 2100 is needed", field=field, reason="INVALID_TIME"
        )
    return whole, not seconds and not value.nanos


def page_size(value: int) -> int:
    """How many rows a page has; zero stands for the usual number."""
    return number(value, "page_size", 0, LARGEST_PAGE) or PAGE_SIZE


def page_token(last: str) -> str:
    """Opaque text for the place after the row of that name."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def page_start(token: str) -> str:
    """The name that a page token stands for, "" for the beginning; raises Invalid."""
    try:
        padded = token + "=" * (-len(token) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = "?"
    if token and not is_slug(name):
        raise Invalid(
            "This is not the token of a page", field="page_token", reason="INVALID_PAGE_TOKEN"
        )
    return name
