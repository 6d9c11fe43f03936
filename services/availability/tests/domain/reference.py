"""What a replay case must answer, found by walking every minute; shares no code with the engine.

It never maps local time to UTC: it asks the zone what every minute of UTC reads on the wall, and
finds the minute of a wall-clock time by looking for it. Slow, and meant to be read beside
docs/spec/availability.md.
"""

from array import array
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from common import zones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 1440
MARGIN = 3 * DAY


def starts(case: dict[str, Any]) -> list[str]:
    """The `starts` of one case (SL-11)."""
    duration, step = case["duration_min"], case.get("step_min", 15)
    before, after = case.get("buffer_before_min", 0), case.get("buffer_after_min", 0)
    range_start, range_end = seconds(case["range_start"]), seconds(case["range_end"])
    earliest = seconds(case["now"]) + 60 * case.get("min_notice_min", 0)

    low = int(range_start // 60) - before - MARGIN
    high = int(range_end // 60) + duration + after + MARGIN
    wall = walk(case["tz"], low, high)
    by_date = open_by_date(case, wall, low)
    is_open = bytearray(high - low)
    for minutes in by_date:
        for minute in minutes:
            is_open[minute - low] = 1
    is_busy = busy_minutes(case, low, high)

    found = []
    anchors: list[int | None] = [None] * len(by_date)
    for minute in range(low, high - duration - after):
        on_grid = False
        for index, minutes in enumerate(by_date):
            if minute not in minutes:
                anchors[index] = None
                continue
            anchor = anchors[index]
            if anchor is None:
                anchor = anchors[index] = minute
            on_grid |= (minute - anchor) % step == 0
        if (
            on_grid
            and range_start <= minute * 60 < range_end
            and minute * 60 >= earliest
            and all(is_open[m - low] for m in range(minute, minute + duration))
            and not any(is_busy[m - low] for m in range(minute - before, minute + duration + after))
        ):
            found.append(f"{EPOCH + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}")
    return found


def seconds(text: str) -> float:
    """Seconds since 1970 of an instant with at most six decimals, which a float holds exactly
    enough to compare with whole minutes."""
    return (datetime.fromisoformat(text) - EPOCH).total_seconds()


def walk(zone: str, low: int, high: int) -> list[int]:
    """What the wall clock reads at every minute of UTC from `low`, in minutes since 1970."""
    wall: list[int] = []
    for day in range(low // DAY, high // DAY + 1):
        wall += walk_day(zone, day)
    return wall[low - low // DAY * DAY :][: high - low]


@lru_cache(maxsize=20_000)
def walk_day(name: str, day: int) -> "array[int]":
    zone = zones.zone(name)
    read = (datetime.fromtimestamp(m * 60, zone) for m in range(day * DAY, (day + 1) * DAY))
    start = datetime(1970, 1, 1)
    return array("l", ((at.replace(tzinfo=None) - start) // timedelta(minutes=1) for at in read))


def open_by_date(case: dict[str, Any], wall: list[int], low: int) -> list[set[int]]:
    """The open minutes of UTC of each local date."""
    first_reading: dict[int, int] = {}
    for index, reading in enumerate(wall):
        first_reading.setdefault(reading, low + index)

    def minute_of(reading: int) -> int:
        if reading in first_reading:
            return first_reading[reading]
        # The clock jumped over it: it is as long after the jump as it would have been without.
        index = next(index for index, later in enumerate(wall) if later > reading)
        return low + index - 1 + reading - wall[index - 1]

    result = []
    for day in sorted({reading // DAY for reading in wall})[1:-1]:
        minutes: set[int] = set()
        for start, end in hours_of(case, EPOCH.date() + timedelta(days=day)):
            minutes.update(range(minute_of(day * DAY + start), minute_of(day * DAY + end)))
        result.append(minutes)
    return result


def hours_of(case: dict[str, Any], day: date) -> list[tuple[int, int]]:
    for override in case.get("date_overrides", []):
        if override["date"] == day.isoformat():
            return [(clock(hours["start"]), clock(hours["end"])) for hours in override["hours"]]
    return [
        (clock(hours["start"]), clock(hours["end"]))
        for hours in case["weekly_hours"]
        if day.weekday() in hours["days"]
    ]


def clock(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def busy_minutes(case: dict[str, Any], low: int, high: int) -> bytearray:
    """Which minutes are at least partly busy."""
    is_busy = bytearray(high - low)
    for busy in case.get("busy", []):
        start, end = seconds(busy["start"]), seconds(busy["end"])
        for minute in range(max(int(start // 60), low), min(int(end // 60) + 1, high)):
            if max(start, minute * 60) < min(end, minute * 60 + 60):
                is_busy[minute - low] = 1
    return is_busy
