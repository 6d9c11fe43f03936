"""Checks of what a request carries; each failure names its field."""

import unicodedata
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from booking.enums import Enumeration
from common.errors import Invalid

WORDS = 4000
_FIRST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_END = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp())
_LAYOUT = frozenset("\t\n\r")
PAGE_SIZE = 50
LARGEST_PAGE = 200


def line(text: str, field: str, longest: int) -> str:
    """A text of one line, without the space around it; it may not be empty."""
    stripped = text.strip()
    if not stripped:
        raise Invalid("This is needed", field=field, reason="REQUIRED")
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


def instant(value: Timestamp, field: str) -> datetime:
    """An instant of the years 2000 to 2100."""
    if not _FIRST <= value.seconds < _END or not 0 <= value.nanos < 1_000_000_000:
        raise Invalid(
            "An instant of the years 2000 to 2100 is needed", field=field, reason="INVALID_TIME"
        )
    return value.ToDatetime(tzinfo=UTC)


def choice(enum: Enumeration, value: int, field: str) -> int:
    """A value of the enumeration other than UNSPECIFIED."""
    if not value or value not in enum.values():
        raise Invalid("Choose one of those offered", field=field, reason="INVALID_CHOICE")
    return value


def page_size(number: int) -> int:
    """How many rows a page has; zero stands for the usual number."""
    if not 0 <= number <= LARGEST_PAGE:
        raise Invalid(f"0 to {LARGEST_PAGE}", field="page_size", reason="OUT_OF_RANGE")
    return number or PAGE_SIZE
