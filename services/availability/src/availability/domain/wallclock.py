"""Conversion of wall-clock time to instants: whole minutes of UTC since 1970 (spec AV-5)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 1440
_EPOCH = date(1970, 1, 1).toordinal()
_LAST = date.max.toordinal() - 1  # the day after a date must exist as well
_MINUTE = timedelta(minutes=1)


class Span(NamedTuple):
    """A half-open interval `[start, end)` in minutes of UTC since 1970."""

    start: int
    end: int


def instant(zone: ZoneInfo, day: date, minute: int) -> int:
    """Return the instant of a wall-clock minute (0-1440) of a date, by PEP 495 with `fold=0`.

    A time in the spring gap moves forward by the gap, a time in the autumn fold means its first
    pass, and minute 1440 is 00:00 of the next date (AV-5).
    """
    ordinal = day.toordinal() + minute // DAY
    of_day = minute % DAY
    local = datetime.fromordinal(ordinal).replace(
        hour=of_day // 60, minute=of_day % 60, tzinfo=zone
    )
    return (ordinal - _EPOCH) * DAY + of_day - _offset(zone, local)


def exists(zone: ZoneInfo, day: date) -> bool:
    """Return whether the zone has that date; Samoa, for example, skipped 2011-12-30 (AV-5)."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    # The two readings differ only in a gap or a fold, and noon lies in one only when the zone
    # moves across the date line.
    if zone.utcoffset(noon) == zone.utcoffset(noon.replace(fold=1)):
        return True
    return noon.astimezone(UTC).astimezone(zone).date() == day


def dates_around(first: int, end: int) -> Iterator[date]:
    """Yield every local date, of any zone, whose hours may touch the minutes `[first, end)`."""
    # No zone is a whole day away from UTC, so a date reaches into three dates of UTC at most.
    lowest = max(_EPOCH + first // DAY - 1, 1)
    highest = min(_EPOCH + end // DAY + 1, _LAST)
    return map(date.fromordinal, range(lowest, highest + 1))


def merged(spans: Iterable[tuple[int, int]]) -> list[Span]:
    """Return the same minutes as disjoint spans in order; touching spans become one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1].end:
            if end > joined[-1].end:
                joined[-1] = Span(joined[-1].start, end)
        else:
            joined.append(Span(start, end))
    return joined


def _offset(zone: ZoneInfo, local: datetime) -> int:
    offset = zone.utcoffset(local)
    assert offset is not None  # noqa: S101 - a ZoneInfo always answers for a datetime
    return offset // _MINUTE
