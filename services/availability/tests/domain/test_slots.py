"""The timetable: which starts it offers, and that patching it equals building it anew."""

import random
from array import array
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from availability.domain.hours import Block, Override, WeeklyBlock
from availability.domain.modes import Mode
from availability.domain.slots import ImpossibleShape, Shape
from availability.domain.taken import Taken
from availability.domain.timetable import CHUNK, END_OF_TIME, Timetable
from availability.domain.wallclock import DAY
from common import zones
from services.availability.tests.domain.setups import (
    BLOCKS,
    BORDER,
    CHANGES,
    MONDAY,
    OTHER_ROOM,
    PROVIDER,
    ROOM,
    SHAPES,
    WINDOW,
    ZONES,
    Change,
    every_day,
)

UTC_ZONE = zones.zone("UTC")
HOUR = Shape(60, 60)


def clocks(starts: Iterable[int]) -> list[str]:
    return [f"{start // 60 % 24:02}:{start % 60:02}" for start in starts]


def day_of(timetable: Timetable, shape: Shape, day: int = MONDAY) -> list[str]:
    return clocks(timetable.starts(shape, day, day + DAY))


# What is offered


@pytest.mark.req("SL-1", "AV-3")
def test_a_mode_sees_only_the_blocks_that_serve_it() -> None:
    phone_only = every_day(600, 660, modes=frozenset({Mode.PHONE}))
    timetable = Timetable(UTC_ZONE, [*every_day(540, 600), *phone_only, *every_day(660, 720)])
    assert day_of(timetable, Shape(120, 60, mode=Mode.TELEHEALTH)) == []
    assert day_of(timetable, Shape(120, 60, mode=Mode.PHONE)) == ["09:00", "10:00"]


@pytest.mark.req("SL-3", "AV-3")
def test_offline_blocks_are_for_staff_only() -> None:
    offline = every_day(600, 660, online=False)
    timetable = Timetable(UTC_ZONE, [*every_day(540, 600), *offline])
    assert day_of(timetable, HOUR) == ["09:00"]
    assert day_of(timetable, Shape(60, 60, online=False)) == ["09:00", "10:00"]
    assert day_of(timetable, Shape(90, 30, online=False)) == ["09:00", "09:30"]


@pytest.mark.req("SL-3")
def test_a_taken_room_excludes_in_person_sessions_only() -> None:
    rooms = [*every_day(540, 660, room=ROOM), *every_day(660, 780, room=OTHER_ROOM)]
    timetable = Timetable(UTC_ZONE, rooms, provider=PROVIDER)
    timetable.take("somebody else", ROOM, MONDAY + 540, MONDAY + 600)
    in_person, phone = (Shape(60, 60, mode=mode) for mode in (Mode.IN_PERSON, Mode.PHONE))
    assert day_of(timetable, in_person) == ["10:00", "11:00", "12:00"]
    assert day_of(timetable, phone) == ["09:00", "10:00", "11:00", "12:00"]
    timetable.take("mine", PROVIDER, MONDAY + 660, MONDAY + 720)
    assert day_of(timetable, in_person) == ["10:00", "12:00"]
    assert day_of(timetable, phone) == ["09:00", "10:00", "12:00"]


@pytest.mark.req("SL-3")
def test_nobody_changes_rooms_within_a_session() -> None:
    rooms = [*every_day(540, 660, room=ROOM), *every_day(660, 780, room=OTHER_ROOM)]
    timetable = Timetable(UTC_ZONE, rooms, provider=PROVIDER)
    assert day_of(timetable, Shape(120, 30, mode=Mode.IN_PERSON)) == ["09:00", "11:00"]
    assert day_of(timetable, Shape(180, 30, mode=Mode.PHONE)) == ["09:00", "09:30", "10:00"]


@pytest.mark.req("SL-3", "AV-8")
def test_a_series_without_end_takes_its_time_in_any_year() -> None:
    class Lunch:
        def between(self, first: int, end: int) -> Iterable[tuple[int, int]]:
            noons = range(first // DAY * DAY + 720, end + DAY, DAY)
            return [(noon, noon + 60) for noon in noons]

    timetable = Timetable(UTC_ZONE, every_day(660, 840), provider=PROVIDER)
    assert day_of(timetable, HOUR) == ["11:00", "12:00", "13:00"]
    timetable.take_series("lunch", PROVIDER, Lunch())
    for day in (MONDAY, MONDAY + 3000 * DAY):
        assert day_of(timetable, HOUR, day) == ["11:00", "13:00"]
    assert timetable.standing(HOUR, MONDAY + 720).taken == (
        Taken(MONDAY + 720, MONDAY + 780, "lunch"),
    )
    timetable.release("lunch", PROVIDER)
    assert day_of(timetable, HOUR) == ["11:00", "12:00", "13:00"]
    timetable.take_series("lunch", PROVIDER, Lunch())
    timetable.take("lunch", PROVIDER, MONDAY + 780, MONDAY + 781)
    assert day_of(timetable, HOUR) == ["11:00", "12:00"]


@pytest.mark.req("AV-11")
@pytest.mark.parametrize("field", ["duration", "step", "buffer_before", "buffer_after"])
def test_an_impossible_shape_names_its_field(field: str) -> None:
    with pytest.raises(ImpossibleShape) as raised:
        replace(HOUR, **{field: -1})  # type: ignore[arg-type]  # by name
    assert raised.value.field == field


# Take and release


@pytest.mark.req("SL-3", "SL-8")
def test_taking_again_moves_and_releasing_gives_back() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 780), provider=PROVIDER)
    assert day_of(timetable, HOUR) == ["09:00", "10:00", "11:00", "12:00"]
    timetable.take("b", PROVIDER, MONDAY + 600, MONDAY + 660)
    timetable.take("b", PROVIDER, MONDAY + 600, MONDAY + 660)
    assert day_of(timetable, HOUR) == ["09:00", "11:00", "12:00"]
    timetable.take("b", PROVIDER, MONDAY + 660, MONDAY + 720)
    assert day_of(timetable, HOUR) == ["09:00", "10:00", "12:00"]
    timetable.take("b", PROVIDER, MONDAY + 660, MONDAY + 660)
    assert day_of(timetable, HOUR) == ["09:00", "10:00", "11:00", "12:00"]
    timetable.take("b", PROVIDER, MONDAY + 660, MONDAY + 720)
    timetable.release("b", PROVIDER)
    timetable.release("b", PROVIDER)
    timetable.release("never taken", ROOM)
    assert day_of(timetable, HOUR) == ["09:00", "10:00", "11:00", "12:00"]


@pytest.mark.req("SL-3")
def test_releasing_leaves_what_its_neighbours_bar() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 780), provider=PROVIDER)
    every_minute = Shape(60, 1, buffer_before=5, buffer_after=10)
    for start, end in ((500, 538), (608, 628), (700, 710)):
        timetable.take(f"from {start}", PROVIDER, MONDAY + start, MONDAY + end)

    def minutes() -> list[int]:
        starts = timetable.starts(every_minute, MONDAY, MONDAY + DAY)
        return [start - MONDAY for start in starts]

    assert minutes() == [*range(715, 721)]
    timetable.release("from 608", PROVIDER)
    assert minutes() == [*range(543, 631), *range(715, 721)]


@pytest.mark.req("SL-3")
@pytest.mark.parametrize("length", [0, -30])
def test_an_empty_interval_takes_nothing(length: int) -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 660), provider=PROVIDER)
    timetable.take("b", PROVIDER, MONDAY + 570, MONDAY + 570 + length)
    assert day_of(timetable, HOUR) == ["09:00", "10:00"]
    assert timetable.standing(HOUR, MONDAY + 540).taken == ()


@pytest.mark.req("SL-3")
def test_what_a_reader_holds_stays_as_it_was() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 660), provider=PROVIDER)
    before = timetable.starts(HOUR, MONDAY, MONDAY + DAY)
    timetable.take("b", PROVIDER, MONDAY + 540, MONDAY + 600)
    assert clocks(before) == ["09:00", "10:00"]
    assert day_of(timetable, HOUR) == ["10:00"]


@pytest.mark.req("AV-2")
def test_other_hours_show_at_once_and_taken_time_stays() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 660), provider=PROVIDER)
    timetable.take("b", PROVIDER, MONDAY + 600, MONDAY + 660)
    assert day_of(timetable, HOUR) == ["09:00"]
    timetable.replace_hours(UTC_ZONE, every_day(600, 780), [Override(date(2026, 6, 2))])
    assert day_of(timetable, HOUR) == ["11:00", "12:00"]
    assert day_of(timetable, HOUR, MONDAY + DAY) == []


@pytest.mark.req("SL-3", "SL-9")
@given(ZONES, st.lists(BLOCKS, max_size=8), st.lists(SHAPES, min_size=1, max_size=3), CHANGES)
def test_patching_equals_building_anew(
    tz: str,
    blocks: list[WeeklyBlock],
    shapes: list[Shape],
    changes: list[Change],
) -> None:
    patched = Timetable(zones.zone(tz), blocks, provider=PROVIDER)
    standing: dict[tuple[str, int], tuple[int, int]] = {}
    for shape in shapes:
        patched.starts(shape, *WINDOW)
    for kind, ref, resource, start, length in changes:
        if kind == "take":
            patched.take(ref, resource, start, start + length)
            standing[ref, resource] = start, start + length
        else:
            patched.release(ref, resource)
            standing.pop((ref, resource), None)
        anew = Timetable(zones.zone(tz), blocks, provider=PROVIDER)
        for (other, its), span in standing.items():
            anew.take(other, its, *span)
        for shape in shapes:
            assert patched.starts(shape, *WINDOW).tolist() == anew.starts(shape, *WINDOW).tolist()


@pytest.mark.req("SL-1", "SL-3")
@given(ZONES, st.lists(BLOCKS, max_size=8), SHAPES, CHANGES)
def test_modes_offline_blocks_and_rooms_are_a_choice_of_blocks_and_taken_time(
    tz: str, blocks: list[WeeklyBlock], shape: Shape, changes: list[Change]
) -> None:
    serving = [b for b in blocks if b.serves(shape.mode, shape.online)]
    whole = Timetable(zones.zone(tz), blocks, provider=PROVIDER)
    expected: set[int] = set()
    rooms = {b.room for b in serving} if shape.mode is Mode.IN_PERSON else {None}
    for room in rooms:
        plain = [
            WeeklyBlock(b.start, b.end, day=b.day)
            for b in serving
            if shape.mode is not Mode.IN_PERSON or b.room == room
        ]
        part = Timetable(zones.zone(tz), plain)
        for number, (_, _, resource, start, length) in enumerate(changes):
            whole.take(str(number), resource, start, start + length)
            if resource in {PROVIDER, room}:
                part.take(str(number), 0, start, start + length)
        plain_shape = Shape(shape.duration, shape.step, shape.buffer_before, shape.buffer_after)
        expected |= set(part.starts(plain_shape, *WINDOW))
    assert whole.starts(shape, *WINDOW).tolist() == sorted(expected)


# Ranges, chunks and helpers


@pytest.mark.req("SL-1", "SL-9")
@given(
    st.lists(st.integers(BORDER - 2 * CHUNK, BORDER + 2 * CHUNK), min_size=3, max_size=3),
    st.sampled_from((60, 5000)),
)
def test_ranges_join_across_chunks(points: list[int], duration: int) -> None:
    timetable = Timetable(zones.zone("America/New_York"), every_day(0, 1440), max_chunks=2)
    first, middle, end = sorted(points)
    shape = Shape(duration, 60)
    whole = timetable.starts(shape, first, end).tolist()
    parts = [timetable.starts(shape, *part).tolist() for part in pairwise((first, middle, end))]
    assert whole == parts[0] + parts[1]
    assert whole == list(range(first + -first % 60, end, 60))


@pytest.mark.req("SL-9")
def test_the_number_of_arrays_is_bounded_and_the_latest_used_stay() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 1020), max_chunks=3)
    for number in (1, 2, 3, 1, 4):
        timetable.starts(HOUR, number * CHUNK, (number + 1) * CHUNK)
    assert [number for _, number in timetable._chunks] == [3, 1, 4]


TEN_YEARS = 3660 * DAY
SEVERAL = [Shape(60, 60), Shape(50, 15), Shape(30, 5), Shape(60, 60, mode=Mode.PHONE)]


@pytest.mark.req("SL-4", "PF-13")
@pytest.mark.parametrize("what", ["closed", "taken", "one start in each", "a long session"])
def test_searches_far_ahead_for_several_shapes_keep_their_arrays(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Under an unlimited advance, each such search goes through ten years."""
    week = [] if what == "closed" else every_day(540, 1020)
    timetable = Timetable(UTC_ZONE, week, provider=PROVIDER)
    if what == "taken":
        timetable.take("x", PROVIDER, MONDAY - DAY, MONDAY + 2 * TEN_YEARS)
    if what == "one start in each":
        days = [date(2026, 1, 1) + timedelta(days=64 * n) for n in range(80)]
        timetable = Timetable(UTC_ZONE, [], [Override(day, (Block(540, 600),)) for day in days])
    shapes = SEVERAL
    if what == "a long session":
        shapes = [replace(shape, duration=600) for shape in SEVERAL]
    found = [timetable.first_starts(s, MONDAY, MONDAY + TEN_YEARS, 50) for s in shapes]
    computed: list[Shape] = []
    free = timetable._free

    def compute(shape: Shape, first: int, end: int) -> "array[int]":
        computed.append(shape)
        return free(shape, first, end)

    monkeypatch.setattr(timetable, "_free", compute)
    again = [timetable.first_starts(s, MONDAY, MONDAY + TEN_YEARS, 50) for s in shapes]
    assert (again, computed) == (found, [])


@pytest.mark.req("SL-9", "PF-13")
def test_arrays_with_many_starts_are_fewer() -> None:
    timetable = Timetable(UTC_ZONE, every_day(0, 1440))
    for number in range(400, 600):
        timetable.starts(Shape(5, 5), number * CHUNK, (number + 1) * CHUNK)
    assert 1 < len(timetable._chunks) <= 64
    assert timetable.weigh(None) <= 1_600_000


@pytest.mark.req("PF-13")
@pytest.mark.parametrize(("count", "blocks"), [(1, 0), (1, 15), (100, 1), (5000, 1), (5000, 3)])
def test_overrides_count_for_the_memory(count: int, blocks: int) -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(count)]
    overrides = [
        Override(day, tuple(Block(540 + 20 * n, 550 + 20 * n) for n in range(blocks)))
        for day in days
    ]
    weight = count * (200 + 200 * blocks)
    timetable = Timetable(UTC_ZONE, every_day(540, 1020), overrides)
    assert timetable.weigh(None) == weight
    changes: list[int] = []
    timetable.weigh(changes.append)
    timetable.replace_hours(UTC_ZONE, [])
    assert (sum(changes), timetable.weigh(None)) == (-weight, 0)
    timetable.replace_hours(UTC_ZONE, [], overrides)
    assert timetable.weigh(None) == weight


@pytest.mark.req("SL-9", "PF-13")
def test_it_tells_how_much_memory_it_takes() -> None:
    changes: list[int] = []
    timetable = Timetable(UTC_ZONE, every_day(540, 1020), max_chunks=3)
    assert timetable.weigh(changes.append) == 0
    for number in (1, 2, 3, 4):
        timetable.starts(HOUR, number * CHUNK, (number + 1) * CHUNK)
    arrays = sum(changes)
    assert arrays == sum(150 + 4 * len(starts) for starts in timetable._chunks.values())
    timetable.take("a", 0, 3 * CHUNK, 3 * CHUNK + DAY)
    timetable.take("a", 0, 3 * CHUNK + 600, 3 * CHUNK + 660)
    timetable.take("b", 0, 3 * CHUNK + 700, 3 * CHUNK + 760)
    patched = sum(150 + 4 * len(starts) for starts in timetable._chunks.values())
    assert patched < arrays
    assert sum(changes) == patched + 2 * 270
    timetable.release("b", 0)
    timetable.release("b", 0)
    timetable.replace_taken(0, {"c": (0, 60), "d": (60, 120), "e": (120, 180)})
    assert sum(changes) == 3 * 270, "the arrays are gone"
    timetable.starts(HOUR, CHUNK, 2 * CHUNK)
    timetable.replace_hours(UTC_ZONE, every_day(0, 60))
    assert timetable.weigh(None) == sum(changes) == 3 * 270


@pytest.mark.req("SL-1")
def test_ranges_beyond_time_are_empty() -> None:
    timetable = Timetable(UTC_ZONE, every_day(0, 1440))
    assert timetable.starts(HOUR, 10, 10).tolist() == []
    assert timetable.starts(HOUR, 10, 5).tolist() == []
    assert timetable.starts(HOUR, -500, 61).tolist() == [0, 60]
    assert timetable.starts(HOUR, END_OF_TIME - 60, END_OF_TIME + 60).tolist() == []
    assert timetable.starts(HOUR, 2**40, 2**40 + 60).tolist() == []
    assert timetable.starts(HOUR, MONDAY, MONDAY + 1).format == "I"


@pytest.mark.req("SL-4")
@given(
    st.lists(st.integers(0, 500 * DAY), max_size=3),
    st.integers(0, 400 * DAY),
    st.integers(0, 400 * DAY),
    st.integers(0, 400 * DAY),
    st.integers(0, 5),
)
def test_first_last_and_nearest_starts(
    days: list[int], first: int, length: int, around: int, count: int
) -> None:
    open_days = {date(2026, 6, 1) + timedelta(minutes=day) for day in days}
    overrides = [Override(day, (Block(540, 660),)) for day in open_days]
    timetable = Timetable(UTC_ZONE, [], overrides)
    first, end, around = MONDAY + first, MONDAY + first + length, MONDAY + around
    everything = timetable.starts(HOUR, first, end).tolist()
    assert timetable.first_starts(HOUR, first, end, count) == everything[:count]
    assert timetable.last_starts(HOUR, first, end, count) == everything[-count or len(everything) :]
    nearest = sorted(everything, key=lambda start: (abs(start - around), start))[:count]
    assert timetable.nearest_starts(HOUR, around, first, end, count) == sorted(nearest)


@pytest.mark.req("SL-4")
def test_the_next_slot_is_found_across_empty_years() -> None:
    timetable = Timetable(UTC_ZONE, [], [Override(date(2031, 6, 1), (Block(540, 600),))])
    found = timetable.first_starts(HOUR, MONDAY, MONDAY + 4000 * DAY, 3)
    assert found == [MONDAY + 1826 * DAY + 540]


@pytest.mark.req("SL-9")
def test_many_threads_read_while_one_writes() -> None:
    timetable = Timetable(UTC_ZONE, every_day(540, 1020), provider=PROVIDER, max_chunks=4)
    empty_week = timetable.starts(HOUR, MONDAY, MONDAY + 7 * DAY).tolist()

    def read(seed: int) -> bool:
        pick = random.Random(seed)  # noqa: S311 - not a secret
        good = True
        for _ in range(300):
            first = MONDAY + pick.randrange(400) * DAY
            found = timetable.starts(HOUR, first, first + 7 * DAY).tolist()
            good &= found == sorted(set(found)) and len(empty_week) - 1 <= len(found)
            good &= {(start - first) % DAY for start in found} <= set(range(540, 1020, 60))
        return good

    def write(_: int) -> bool:
        for turn in range(300):
            timetable.take("b", PROVIDER, MONDAY + turn * DAY + 600, MONDAY + turn * DAY + 660)
        timetable.release("b", PROVIDER)
        return True

    with ThreadPoolExecutor(5) as threads:
        jobs = [threads.submit(write, 0), *(threads.submit(read, seed) for seed in range(4))]
        assert all(job.result() for job in jobs)
    assert timetable.starts(HOUR, MONDAY, MONDAY + 7 * DAY).tolist() == empty_week
