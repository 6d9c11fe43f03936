"""Times as text, in a reader's zone and formats, with the zone's name and UTC offset (NT-2)."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale, dates

from common import zone_names

DASH = "\N{EN DASH}"
NO_BREAK = "\N{NO-BREAK SPACE}"


def short(start: datetime, zone: ZoneInfo, reader: Locale) -> str:
    """Return a start without its year, such as `Tue, Mar 3, 10:00 AM`."""
    local = start.astimezone(zone)
    day = dates.format_skeleton("MMMEd", local.date(), locale=reader)
    return f"{day}, {_clock(local, reader)}"


def moment(at: datetime, zone: ZoneInfo, reader: Locale) -> str:
    """Return an instant, such as `Monday, March 2, 2026, 10:00 AM (Eastern Time, UTC-5)`."""
    local = at.astimezone(zone)
    return f"{_day(local, reader)}, {_clock(local, reader)} ({zone_words(local, reader)})"


def span(start: datetime, end: datetime, zone: ZoneInfo, reader: Locale) -> str:
    """Return a span, such as `Tuesday, March 3, 2026, 10:00 - 10:50 AM (Eastern Time, UTC-5)`.

    It has both offsets if the clocks change in between, and both dates if it crosses midnight.
    """
    first, last = start.astimezone(zone), end.astimezone(zone)
    begins, ends = f"{_day(first, reader)}, {_clock(first, reader)}", _clock(last, reader)
    if first.date() != last.date():
        ends = f"{_day(last, reader)}, {ends}"
    if first.utcoffset() != last.utcoffset():
        begins = f"{begins} ({zone_names.offset(first)})"
    return f"{begins} {DASH} {ends} ({zone_words(last, reader)})"


def zone_words(local: datetime, reader: Locale) -> str:
    """Return a zone's common name and its offset at a moment, such as `Eastern Time, UTC-5`; the
    offset alone for a zone that has no name."""
    name = zone_names.name(str(local.tzinfo), reader)
    shift = zone_names.offset(local)
    return f"{name}, {shift}" if name else shift


def _day(local: datetime, reader: Locale) -> str:
    return dates.format_date(local.date(), "full", locale=reader)


def _clock(local: datetime, reader: Locale) -> str:
    """Return a time of day on one line; some mail programs do not know the narrow space."""
    shown: str = dates.format_time(local, "short", tzinfo=local.tzinfo, locale=reader)
    return re.sub(r"\s", NO_BREAK, shown)
