"""Checks of what a request carries, beyond those of every service; each failure names its field."""

import base64
import binascii
import re
from datetime import date

from google.protobuf.timestamp_pb2 import Timestamp

from common.db.cursor import InvalidPageToken
from common.errors import Invalid
from common.validation import END, FIRST, instant, line, number, optional_line, page_size, words

__all__ = [
    "END_MINUTE",
    "FIRST_MINUTE",
    "currency",
    "day",
    "email",
    "is_slug",
    "line",
    "minute",
    "number",
    "optional_line",
    "page_size",
    "page_start",
    "page_token",
    "slug",
    "words",
]

FIRST_MINUTE, END_MINUTE = (int(bound.timestamp()) // 60 for bound in (FIRST, END))
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_EMAIL = 254
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def slug(text: str, field: str) -> str:
    """A name in addresses: 1 to 60 small letters, digits and hyphens."""
    if not is_slug(text):
        raise Invalid(
            "1 to 60 small letters, digits and hyphens are needed.",
            field=field,
            reason="INVALID_SLUG",
        )
    return text


def is_slug(text: str) -> bool:
    """Whether anything could go by this name."""
    return _SLUG.fullmatch(text) is not None


def email(text: str, field: str) -> str:
    """An e-mail address, or none."""
    stripped = optional_line(text, field, _LONGEST_EMAIL)
    if stripped and not _EMAIL.fullmatch(stripped):
        raise Invalid("This is not an e-mail address.", field=field, reason="INVALID_EMAIL")
    return stripped


def currency(text: str, field: str) -> str:
    """An ISO 4217 code."""
    if not _CURRENCY.fullmatch(text):
        raise Invalid(
            "A currency is three capital letters, such as USD.",
            field=field,
            reason="INVALID_CURRENCY",
        )
    return text


def day(text: str, field: str) -> date:
    """A date of the years 2000 to 2100."""
    try:
        parsed = date.fromisoformat(text) if _DATE.fullmatch(text) else date.min
    except ValueError:
        parsed = date.min
    if not 2000 <= parsed.year <= 2100:
        raise Invalid(
            "A date of the years 2000 to 2100 is needed, such as 2026-11-02.",
            field=field,
            reason="INVALID_DATE",
        )
    return parsed


def minute(value: Timestamp, field: str) -> tuple[int, bool]:
    """The minute since 1970 that an instant of the years 2000 to 2100 lies in, and whether it is
    exactly that minute's beginning."""
    whole = int(instant(value, field).timestamp()) // 60
    return whole, not value.seconds % 60 and not value.nanos


def page_token(last: str) -> str:
    """Opaque text for the place after the row of that name."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def page_start(token: str) -> str:
    """The name that a page token stands for, "" for the beginning; raises InvalidPageToken."""
    try:
        padded = token + "=" * (-len(token) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = "?"
    if token and not is_slug(name):
        raise InvalidPageToken(field="page_token")
    return name
