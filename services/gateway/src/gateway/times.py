"""Instants as people read them: in a zone, with its offset, grouped by its dates. Search answers
in minutes since 1970-01-01T00:00Z, which are turned into text here without a datetime for each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_CLOCK = tuple(f"T{minute // 60:02}:{minute % 60:02}:00" for minute in range(DAY))


class Stretch(NamedTuple):
    """The minutes `[start, end)` in which a zone keeps one UTC offset, in minutes."""

    start: int
    end: int
    offset: int


class Day(NamedTuple):
    """A date of the viewer's with the slots that start on it."""

    date: str
    slots: list[dict[str, str]]


def window(first: date, last: date, tz: ZoneInfo) -> tuple[int, int]:
    """The minutes `[begin, end)` of the dates from `first` to `last` in the zone, both included.
    Where the zone skipped all of them, `begin` and `end` are the minute of the skip."""
    within = [
        (max(s.start, _midnight(first) - s.offset), min(s.end, _midnight(last) + DAY - s.offset))
        for s in _stretches_of(first, last, tz)
    ]
    open_ = [(begin, end) for begin, end in within if begin < end]
    open_ = open_ or [(begin, end) for begin, end in within if begin == end]
    return min(begin for begin, _ in open_), max(end for _, end in open_)


def days(starts: Sequence[int], minutes: int, first: date, last: date, tz: ZoneInfo) -> list[Day]:
    """Every date from `first` to `last` with its slots, each so many minutes long. `starts` are
    ascending; those on other dates are left out."""
    found = [Day(_date(day), []) for day in range(_day(first), _day(last) + 1)]
    first_day, count = _day(first), len(found)
    for day, slot in _written(starts, minutes, _stretches_of(first, last, tz)):
        if 0 <= day - first_day < count:
            found[day - first_day].slots.append(slot)
    return found


def counts(starts: Sequence[int], first: date, last: date, tz: ZoneInfo) -> dict[str, int]:
    """Every date from `first` to `last` with the number of its slots."""
    found = {_date(day): 0 for day in range(_day(first), _day(last) + 1)}
    for stretch in _stretches_of(first, last, tz):
        for start in starts:
            if stretch.start <= start < stretch.end:
                text = _date((start + stretch.offset) // DAY)
                if text in found:
                    found[text] += 1
    return found


def slots(starts: Sequence[int], minutes: int, tz: ZoneInfo) -> list[dict[str, str]]:
    """Slots of any dates, in their order."""
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
    """RFC 3339 with the zone's offset."""
    return instant.astimezone(tz).isoformat(timespec="seconds")


def instant(stamp: Timestamp) -> datetime:
    """The instant of a message."""
    return stamp.ToDatetime(UTC)


def stamp(instant: datetime) -> Timestamp:
    """An instant for a message."""
    made = Timestamp()
    made.FromDatetime(instant.astimezone(UTC))
    return made


def minute(instant: datetime) -> int:
    """The minute of an instant, since 1970-01-01T00:00Z."""
    return int(instant.timestamp()) // 60


def month(year: int, number: int) -> tuple[date, date]:
    """The first and the last date of a month."""
    first = date(year, number, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def today(now: datetime, tz: ZoneInfo) -> date:
    """The present date in a zone."""
    return now.astimezone(tz).date()


def _written(
    starts: Sequence[int], minutes: int, stretches: tuple[Stretch, ...]
) -> list[tuple[int, dict[str, str]]]:
    """Each start, with its local day and as text. The stretches reach a day further than the
    starts, hence further than the ends."""
    if not stretches:
        return []
    written: list[tuple[int, dict[str, str]]] = []
    dates: dict[int, str] = {}
    at = 0
    _, end, offset = stretches[0]
    sign = _offset(offset)
    for start in starts:
        while start >= end and at + 1 < len(stretches):
            at += 1
            _, end, offset = stretches[at]
            sign = _offset(offset)
        local = start + offset
        day, clock = divmod(local, DAY)
        until, until_sign = start + minutes, sign
        if until < end:
            until_local = until + offset
        else:
            later = next((s for s in stretches[at:] if until < s.end), stretches[-1])
            until_local, until_sign = until + later.offset, _offset(later.offset)
        until_day, until_clock = divmod(until_local, DAY)
        for number in (day, until_day):
            if number not in dates:
                dates[number] = _date(number)
        slot = {
            "start": f"{dates[day]}{_CLOCK[clock]}{sign}",
            "end": f"{dates[until_day]}{_CLOCK[until_clock]}{until_sign}",
        }
        written.append((day, slot))
    return written


def _stretches_of(first: date, last: date, tz: ZoneInfo) -> tuple[Stretch, ...]:
    return _stretches(tz, _midnight(first) - DAY, _midnight(last) + 3 * DAY)


@lru_cache(maxsize=8192)
def _stretches(tz: ZoneInfo, first: int, end: int) -> tuple[Stretch, ...]:
    """The zone's offsets over `[first, end)`. Looks once a day; no zone changes twice in one."""
    found: list[Stretch] = []
    begin, offset = first, _offset_at(first, tz)
    for probe in range(first + DAY, end + DAY, DAY):
        probed = min(probe, end)
        if (new := _offset_at(probed, tz)) != offset:
            change = _change(probed - DAY, probed, offset, tz)
            found.append(Stretch(begin, change, offset))
            begin, offset = change, new
    return (*found, Stretch(begin, end, offset))


def _change(before: int, after: int, offset: int, tz: ZoneInfo) -> int:
    """The first minute in `(before, after]` with another offset."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(middle, tz) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset_at(minute: int, tz: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, tz).utcoffset()
    return int((offset or timedelta()).total_seconds()) // 60


@lru_cache(maxsize=256)
def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _midnight(day: date) -> int:
    """UTC's own."""
    return _day(day) * DAY


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()
