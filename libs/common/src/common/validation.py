"""Checks of the values in a request.

A failure raises Invalid, which names the field and says which values are valid. It never quotes the
value.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.timestamp_pb2 import Timestamp

from common import emails
from common.errors import Invalid

LINE = 200
"""Characters of one line, by default."""
WORDS = 4000
"""Characters of a text with several lines, by default."""
PAGE_SIZE = 50
LARGEST_PAGE = 200
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""The earliest valid instant."""
END = datetime(2101, 1, 1, tzinfo=UTC)
"""The instant that all valid instants precede."""
_LAYOUT = frozenset("\t\n\r")
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_CURRENCY = re.compile(r"[A-Z]{3}")
# Embeddings, overrides, and isolates, which reorder the text after them (UAX #9).
_REORDERING = frozenset(("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"))
# Letters and a symbol that are drawn as nothing: Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_HOST = re.compile(r"[^\s.]+(\.[^\s.]+)+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RangeReversed(Invalid):
    """The end is before the start."""


def line(text: str, field: str, longest: int = LINE) -> str:
    """Return a text of one line, stripped. Raises Invalid if there is nothing to see in it."""
    stripped = optional_line(text, field, longest)
    if not any(map(_is_visible, stripped)):
        raise Invalid("Required.", field=field, reason="REQUIRED")
    return stripped


def optional_line(text: str, field: str, longest: int = LINE) -> str:
    """Return a text of one line, stripped, which may be empty.

    Characters that reorder text are removed: a name must read the same wherever it is shown.
    """
    stripped = _in_order(text).strip()
    _check(stripped, field, longest, frozenset())
    return stripped


def words(text: str, field: str, longest: int = WORDS) -> str:
    """Return a text of any number of lines, stripped, which may be empty.

    Characters that reorder text are removed.
    """
    ordered = _in_order(text)
    _check(ordered, field, longest, _LAYOUT)
    return ordered.strip()


def _in_order(text: str) -> str:
    return "".join(c for c in text if unicodedata.bidirectional(c) not in _REORDERING)


def _is_visible(character: str) -> bool:
    """Return whether a character shows: a letter, a number, punctuation, or a symbol."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


def _check(text: str, field: str, longest: int, layout: frozenset[str]) -> None:
    if len(text) > longest:
        raise Invalid(f"At most {longest} characters are allowed.", field=field, reason="TOO_LONG")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in layout for c in text):
        raise Invalid("Control characters are not allowed.", field=field, reason="INVALID_TEXT")


def number(value: int, field: str, least: int, most: int) -> int:
    """Return a number. Raises Invalid unless it lies between `least` and `most`, inclusive."""
    if not least <= value <= most:
        raise Invalid(
            f"Must be a number from {least} to {most}.", field=field, reason="OUT_OF_RANGE"
        )
    return value


def choice(enum: Any, value: int, field: str) -> int:
    """Return a value of an enumeration. Raises Invalid for UNSPECIFIED and unknown values."""
    if not value or value not in enum.values():
        names = ", ".join(name for name, number in enum.items() if number)
        raise Invalid(f"Must be one of: {names}.", field=field, reason="INVALID_CHOICE")
    return value


def instant(value: Timestamp, field: str) -> datetime:
    """Return an instant in UTC. Raises Invalid unless it lies in the years 2000 to 2100."""
    within = FIRST.timestamp() <= value.seconds < END.timestamp()
    if not within or not 0 <= value.nanos < 1_000_000_000:
        raise Invalid("Must be a time from 2000 through 2100.", field=field, reason="INVALID_TIME")
    return value.ToDatetime(tzinfo=UTC)


def span(request: Any) -> tuple[datetime | None, datetime | None]:
    """Return a request's `from_time` and exclusive `to_time`; None for a field that is not set.

    Raises RangeReversed if `to_time` is before `from_time`.
    """
    start, end = (
        instant(getattr(request, field), field) if request.HasField(field) else None
        for field in ("from_time", "to_time")
    )
    if start and end and end < start:
        raise RangeReversed(field="to_time")
    return start, end


def page_size(value: int) -> int:
    """Return the number of rows of a page; zero in the request means PAGE_SIZE."""
    return number(value, "page_size", 0, LARGEST_PAGE) or PAGE_SIZE


def slug(text: str, field: str) -> str:
    """Return `text` if it can be part of a URL as it is: 1 to 60 of a-z, 0-9 and hyphens."""
    if not is_slug(text):
        raise Invalid(
            "Must be 1 to 60 lowercase letters, digits, or hyphens.",
            field=field,
            reason="INVALID_SLUG",
        )
    return text


def is_slug(text: str) -> bool:
    """Return whether `text` is 1 to 60 of a-z, 0-9 and hyphens."""
    return _SLUG.fullmatch(text) is not None


def email(text: str, field: str) -> str:
    """Return an email address as typed, without invisible characters. It may be empty.

    Raises InvalidEmail or UndeliverableEmail.
    """
    return emails.parse(text, field).text if text.strip() else ""


def website(text: str, field: str) -> str:
    """Return the address of a website, with `https://` if it has no scheme. It may be empty."""
    stripped = optional_line(text, field)
    if not stripped:
        return ""
    address = stripped if "://" in stripped else f"https://{stripped}"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:  # an unfinished IPv6 address
        host = ""
    if not host or parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        raise Invalid(
            "Enter a website address, such as https://example.com.",
            field=field,
            reason="INVALID_WEBSITE",
        )
    return address


def currency(text: str, field: str) -> str:
    """Return `text` if it has the form of an ISO 4217 code, such as USD."""
    if not _CURRENCY.fullmatch(text):
        raise Invalid(
            "Must be three capital letters, such as USD.",
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
            "Must be a date from 2000 through 2100, such as 2026-11-02.",
            field=field,
            reason="INVALID_DATE",
        )
    return parsed
