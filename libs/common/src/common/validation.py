"""Checks of what a request carries. Each failure names its field and says what is needed; none
repeats what was sent."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from common.errors import Invalid

LINE = 200  # characters, unless said otherwise
WORDS = 4000
PAGE_SIZE = 50
LARGEST_PAGE = 200
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""No instant lies before this one …"""
END = datetime(2101, 1, 1, tzinfo=UTC)
"""… and each before this one."""
_LAYOUT = frozenset("\t\n\r")
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST_EMAIL = 254
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RangeReversed(Invalid):
    """The end lies before the beginning."""


def line(text: str, field: str, longest: int = LINE) -> str:
    """A text of one line, without the space around it; it may not be empty."""
    stripped = optional_line(text, field, longest)
    if not stripped:
        raise Invalid("This is needed.", field=field, reason="REQUIRED")
    return stripped


def optional_line(text: str, field: str, longest: int = LINE) -> str:
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
        raise Invalid(f"At most {longest} characters are allowed.", field=field, reason="TOO_LONG")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in layout for c in text):
        raise Invalid("Control characters are not allowed.", field=field, reason="INVALID_TEXT")


def number(value: int, field: str, least: int, most: int) -> int:
    """A number from `least` to `most`, both included."""
    if not least <= value <= most:
        raise Invalid(
            f"A number from {least} to {most} is needed.", field=field, reason="OUT_OF_RANGE"
        )
    return value


def choice(enum: Any, value: int, field: str) -> int:
    """A value of the enumeration other than UNSPECIFIED."""
    if not value or value not in enum.values():
        raise Invalid("Choose one of those offered.", field=field, reason="INVALID_CHOICE")
    return value


def instant(value: Timestamp, field: str) -> datetime:
    """An instant of the years 2000 to 2100."""
    within = FIRST.timestamp() <= value.seconds < END.timestamp()
    if not within or not 0 <= value.nanos < 1_000_000_000:
        raise Invalid(
            "An instant of the years 2000 to 2100 is needed.", field=field, reason="INVALID_TIME"
        )
    return value.ToDatetime(tzinfo=UTC)


def span(request: Any) -> tuple[datetime | None, datetime | None]:
    """The request's `[from_time, to_time)`; None where it is open."""
    start, end = (
        instant(getattr(request, field), field) if request.HasField(field) else None
        for field in ("from_time", "to_time")
    )
    if start and end and end < start:
        raise RangeReversed(field="to_time")
    return start, end


def page_size(value: int) -> int:
    """How many rows a page has; zero stands for the usual number."""
    return number(value, "page_size", 0, LARGEST_PAGE) or PAGE_SIZE


def slug(text: str, field: str) -> str:
    """Return `text` if it can be part of a URL as it is: 1 to 60 of a-z, 0-9 and hyphens."""
    if not is_slug(text):
        raise Invalid(
            "1 to 60 small letters, digits and hyphens are needed.",
            field=field,
            reason="INVALID_SLUG",
        )
    return text


def is_slug(text: str) -> bool:
    """Return whether `text` is 1 to 60 of a-z, 0-9 and hyphens."""
    return _SLUG.fullmatch(text) is not None


def email(text: str, field: str) -> str:
    """Return an email address without the space around it. It may be empty."""
    stripped = optional_line(text, field, _LONGEST_EMAIL)
    if stripped and not _EMAIL.fullmatch(stripped):
        raise Invalid("This is not an email address.", field=field, reason="INVALID_EMAIL")
    return stripped


def currency(text: str, field: str) -> str:
    """Return `text` if it has the form of an ISO 4217 code, such as USD."""
    if not _CURRENCY.fullmatch(text):
        raise Invalid(
            "A currency is three capital letters, such as USD.",
            field=field,
            reason="INVALID_CURRENCY",
        )
    return text


def day(text: str, field: str) -> date:
    """Return the date that `text` gives as YYYY-MM-DD, of the years 2000 to 2100."""
    try:
        parsed = date.fromisoformat(text) if _DATE.fullmatch(text) else date.min
    except ValueError:
        parsed = date.min
    if not FIRST.year <= parsed.year < END.year:
        raise Invalid(
            "A date of the years 2000 to 2100 is needed, such as 2026-11-02.",
            field=field,
            reason="INVALID_DATE",
        )
    return parsed
