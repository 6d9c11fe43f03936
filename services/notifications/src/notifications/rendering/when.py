"""Times as text: in the reader's zone, with the zone's name and UTC offset (spec NT-2)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, get_timezone_name

LOCALE = "en"
DASH = "\N{EN DASH}"


def short(start: datetime, zone: ZoneInfo) -> str:
    """Return a start as `Tue 3 Mar 2026, 10:00`."""
    return _format(start.astimezone(zone), "EEE d MMM y, HH:mm")


def span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return a span as `Tuesday, 3 March 2026, 10:00-10:50 (Eastern Time, GMT-5)`.

    It has both offsets if the clocks change in between, and both dates if it crosses midnight.
    """
    first, last = start.astimezone(zone), end.astimezone(zone)
    same_offset = first.utcoffset() == last.utcoffset()
    begins, ends = _format(first, "EEEE, d MMMM y, HH:mm"), _format(last, "HH:mm")
    dash = DASH
    if first.date() != last.date():
        ends, dash = _format(last, "EEEE, d MMMM y, HH:mm"), f" {DASH} "
    if same_offset:
        return f"{begins}{dash}{ends} ({zone_name(zone)}, {offset(first)})"
    return f"{begins} ({offset(first)}) {DASH} {ends} ({zone_name(zone)}, {offset(last)})"


def zone_name(zone: ZoneInfo) -> str:
    """Return a zone's common name, such as `Eastern Time`, or its tz database name without one."""
    name = get_timezone_name(zone, width="long", zone_variant="generic", locale=LOCALE)
    return zone.key if name.startswith(("Unknown Region", "world")) else name


def offset(moment: datetime) -> str:
    """Return the UTC offset at a moment, such as `GMT-5` or `GMT+5:45`."""
    ahead = moment.utcoffset() or timedelta()
    sign = "-" if ahead < timedelta() else "+"
    hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
    return f"GMT{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def _format(moment: datetime, pattern: str) -> str:
    return format_datetime(moment, pattern, tzinfo=moment.tzinfo, locale=LOCALE)
