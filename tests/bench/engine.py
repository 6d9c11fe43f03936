"""P3: the slot engine against a plain interval merge."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from availability.domain.hours import WeeklyBlock
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from common.zones import zone
from tests.bench.measure import DAY, per_second, ratio, report

MONDAY = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp()) // 60
SHAPE = Shape(duration=30, step=15, buffer_before=5, buffer_after=10)


def measure() -> None:
    """Measure P3 for both ranges."""
    for days in (7, 30):
        engine_against_merge(days)


def engine_against_merge(days: int) -> None:
    """Measure warm searches of one provider against merging hours and bookings for each search."""
    blocks = [
        WeeklyBlock(start * 60, end * 60, day=day)
        for day in range(5)
        for start, end in ((9, 12), (13, 17))
    ]
    taken = [(MONDAY + (d * 3 % 92) * DAY + 14 * 60, 40) for d in range(40)]
    timetable = Timetable(zone("America/New_York"), blocks)
    for number, (start, length) in enumerate(taken):
        timetable.take(str(number), 0, start, start + length)
    first, end = MONDAY, MONDAY + days * DAY
    merged = merge([(b.day or 0, b.start, b.end) for b in blocks], taken, first, end)
    assert list(timetable.starts(SHAPE, first, end)) == merged  # compare like with like

    def ours() -> float:
        return per_second(lambda: timetable.starts(SHAPE, first, end), 20_000)

    def plain() -> float:
        hours = [(b.day or 0, b.start, b.end) for b in blocks]
        return per_second(lambda: merge(hours, taken, first, end), 200)

    times, a, b = ratio(ours, plain)
    seen = f"{1e6 / a:.2f} µs against {1e6 / b:.0f} µs"
    report("P3", f"engine against interval merge, {days} days", f"{times:.0f} x", seen)


def merge(
    hours: Sequence[tuple[int, int, int]],
    taken: Sequence[tuple[int, int]],
    first: int,
    end: int,
) -> list[int]:
    """Return the starts by expanding the hours and subtracting taken time, as other products do."""
    new_york = zone("America/New_York")
    midnight = datetime.fromtimestamp(first * 60, new_york).replace(hour=0, minute=0)
    busy = sorted((s, s + length) for s, length in taken)
    found = []
    day = midnight - timedelta(days=1)
    while day.timestamp() / 60 < end:
        for weekday, opens, closes in hours:
            if weekday != day.weekday():
                continue
            start = int((day + timedelta(minutes=opens)).timestamp()) // 60
            close = int((day + timedelta(minutes=closes)).timestamp()) // 60
            while start + SHAPE.duration <= close:
                low, high = SHAPE.needs(start)
                if first <= start < end and not any(s < high and low < e for s, e in busy):
                    found.append(start)
                start += SHAPE.step
        day += timedelta(days=1)
    return found
