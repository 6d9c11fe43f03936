"""Instants as people read them: in a zone, with its offset, grouped by its dates.

Search answers in minutes since 1970-01-01T00:00Z. They become text here without a datetime for
each, which would cost more than the search.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from common.validation import RangeReversed

DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = tuple(f"T{minute // 60:02}:{minute % 60:02}:00" for minute in range(DAY))


class Stretch(NamedTuple):
    """The minutes `[start, end)` in which a zone has one UTC offset, in minutes."""

    start: int
    end: int
    offset: int


class Day(NamedTuple):
    """A date in the viewer's zone with the slots that start on it."""

    date: str
    slots: list[dict[str, str]]


def window(first: date, last: date, tz: ZoneInfo) -> tuple[int, int]:
    """Return the minutes `[begin, end)` of the dates from `first` to `last` in a zone.

    If the zone skipped all these dates, `begin` and `end` are the minute of the skip.
    """
    within = [
        (max(s.start, _midnight(first) - s.offset), min(s.end, _midnight(last) + DAY - s.offset))
        for s in _stretches_of(first, last, tz)
    ]
    open_ = [(begin, end) for begin, end in within if begin < end]
    open_ = open_ or [(begin, end) for begin, end in within if begin == end]
    return min(begin for begin, _ in open_), max(end for _, end in open_)


def days(starts: Sequence[int], minutes: int, first: date, last: date, tz: ZoneInfo) -> list[Day]:
    """Return every date from `first` to `last` with its slots, each `minutes` long.

    `starts` are ascending; those on other dates are left out.
    """
    found = [Day(_date(day), []) for day in range(_day(first), _day(last) + 1)]
    first_day, count = _day(first), len(found)
    for day, slot in _written(starts, minutes, _stretches_of(first, last, tz)):
        if 0 <= day - first_day < count:
            found[day - first_day].slots.append(slot)
    return found


def counts(starts: Sequence[int], first: date, last: date, tz: ZoneInfo) -> dict[str, int]:
    """Return the number of slots of every date from `first` to `last`."""
    found = {_date(day): 0 for day in range(_day(first), _day(last) + 1)}
    for stretch in _stretches_of(first, last, tz):
        for start in starts:
            if stretch.start <= start < stretch.end:
                text = _date((start + stretch.offset) // DAY)
                if text in found:
                    found[text] += 1
    return found


def slots(starts: Sequence[int], minutes: int, tz: tzinfo) -> list[dict[str, str]]:
    """Return the slots that begin at `starts`, in the same order."""
    if not starts:
        return []
    first, last = (date.fromordinal(_EPOCH + m // DAY) for m in (min(starts), max(starts)))
    written = {
        start: slot
        for start, (_, slot) in zip(
            sorted(starts),
            _written(sorted(starts), minutes, _stretches_of(first, last, tz)),
            strict=True,
        )
    }
    return [written[start] for start in starts]


def text(instant: datetime, tz: tzinfo) -> str:
    """Return an instant in RFC 3339 with the offset of a zone."""
    return instant.astimezone(tz).isoformat(timespec="seconds")


def utc_text(instant: datetime) -> str:
    """Return `2026-11-03T14:00:00Z`, for addresses, forms, and the browser."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(instant: datetime) -> int:
    """Return the minute of an instant since 1970-01-01T00:00Z."""
    return int(instant.timestamp()) // 60


def month(year: int, number: int) -> tuple[date, date]:
    """Return the first and the last date of a month."""
    first = date(year, number, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def today(now: datetime, tz: ZoneInfo) -> date:
    """Return the present date in a zone."""
    return now.astimezone(tz).date()


def period(
    first: date | datetime | None, last: date | datetime | None, tz: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """Return the instants `[start, end)` that a filter covers; None where it is open.

    A date stands for its beginning as `first` and for its end as `last`. Raises RangeReversed.
    """
    if first and last and type(first) is type(last) and last < first:
        raise RangeReversed(field="to")
    return _edge(first, tz, 0), _edge(last, tz, 1)


def at(minute: int) -> datetime:
    """Return the instant of a minute since 1970-01-01T00:00Z."""
    return _EPOCH_INSTANT + timedelta(minutes=minute)


def _edge(when: date | datetime | None, tz: ZoneInfo, which: int) -> datetime | None:
    if when is None or isinstance(when, datetime):
        return when
    return at(window(when, when, tz)[which])


def _written(
    starts: Sequence[int], minutes: int, stretches: tuple[Stretch, ...]
) -> list[tuple[int, dict[str, str]]]:
    """Return each start as a slot, with its local day.

    The stretches reach a day further than the starts, hence further than the ends.
    """
    if not stretches:
        return []
    written: list[tuple[int, dict[str, str]]] = []
    current, day, day_text = 0, -1, ""
    _, end, offset = stretches[0]
    sign = _offset(offset)
    for start in starts:
        while start >= end and current + 1 < len(stretches):
            current += 1
            _, end, offset = stretches[current]
            sign = _offset(offset)
        number, clock = divmod(start + offset, DAY)
        if number != day:
            day, day_text = number, _date(number)
        until, until_sign = start + minutes, sign
        if until < end:
            until_day, until_clock = divmod(until + offset, DAY)
        else:
            later = next((s for s in stretches[current:] if until < s.end), stretches[-1])
            until_day, until_clock = divmod(until + later.offset, DAY)
            until_sign = _offset(later.offset)
        until_text = day_text if until_day == day else _date(until_day)
        slot = {
            "start": f"{day_text}{_CLOCK[clock]}{sign}",
            "end": f"{until_text}{_CLOCK[until_clock]}{until_sign}",
        }
        written.append((day, slot))
    return written


def _stretches_of(first: date, last: date, tz: tzinfo) -> tuple[Stretch, ...]:
    return _stretches(tz, _midnight(first) - DAY, _midnight(last) + 3 * DAY)


@lru_cache(maxsize=8192)
def _stretches(tz: tzinfo, first: int, end: int) -> tuple[Stretch, ...]:
    """Return the zone's offsets over `[first, end)`, assuming at most one change a day."""
    found: list[Stretch] = []
    begin, offset = first, _offset_at(first, tz)
    for probe in range(first + DAY, end + DAY, DAY):
        probed = min(probe, end)
        if (new := _offset_at(probed, tz)) != offset:
            change = _change(probed - DAY, probed, offset, tz)
            found.append(Stretch(begin, change, offset))
            begin, offset = change, new
    return (*found, Stretch(begin, end, offset))


def _change(before: int, after: int, offset: int, tz: tzinfo) -> int:
    """Return the first minute in `(before, after]` with another offset."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(middle, tz) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset_at(minute: int, tz: tzinfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, tz).utcoffset()
    return int((offset or timedelta()).total_seconds()) // 60


@lru_cache(maxsize=256)
def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _midnight(day: date) -> int:
    """Return the minute of midnight UTC."""
    return _day(day) * DAY


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()
