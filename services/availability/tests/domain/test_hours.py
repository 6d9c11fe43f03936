"""Weekly hours and overrides: what may be saved, and which instants they mean."""

from datetime import UTC, date, datetime, timedelta

import pytest

from availability.domain.hours import (
    Block,
    BlocksOverlap,
    EndNotAfterStart,
    Hours,
    InvalidTime,
    NoModes,
    Override,
    Run,
    TooManyBlocks,
    UnknownDay,
    WeeklyBlock,
    format_time,
    parse_time,
    validate_override,
    validate_week,
)
from availability.domain.modes import Mode
from availability.domain.wallclock import Span, dates_around, exists, instant, merged
from common import zones
from common.errors import Invalid
from services.availability.tests.domain import cases

NEW_YORK = zones.zone("America/New_York")
MONDAY = date(2026, 6, 1)


def weekly(day: int, *spans: tuple[int, int]) -> list[WeeklyBlock]:
    return [WeeklyBlock(start, end, day=day) for start, end in spans]


def rejected(blocks: list[WeeklyBlock]) -> Invalid:
    with pytest.raises(Invalid) as raised:
        validate_week(blocks)
    return raised.value


# What may be saved


@pytest.mark.req("AV-1")
def test_a_time_is_written_in_two_and_two_digits() -> None:
    assert [parse_time(text, "x") for text in ("00:00", "09:05", "23:59", "24:00")] == [
        *(0, 545, 1439, 1440)
    ]
    assert [format_time(minute) for minute in (0, 545, 1439, 1440)] == [
        *("00:00", "09:05", "23:59", "24:00")
    ]


@pytest.mark.req("AV-1")
@pytest.mark.parametrize(
    "text", ["", "9:00", "24:01", "25:00", "10:60", "10:00:00", "\u0661\u0660:00", "-1:00"]
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(InvalidTime) as raised:
        parse_time(text, "blocks[3].end")
    assert raised.value.field == "blocks[3].end"


@pytest.mark.req("AV-1")
def test_fifteen_touching_blocks_a_day_up_to_midnight_may_be_saved() -> None:
    spans = [(start, start + 96) for start in range(0, 1440, 96)]
    validate_week([block for day in range(7) for block in weekly(day, *spans)])
    validate_week([])


@pytest.mark.req("AV-1")
def test_the_sixteenth_block_of_a_day_is_named() -> None:
    blocks = weekly(0, (0, 60)) + weekly(2, *((start, start + 10) for start in range(0, 320, 20)))
    error = rejected(blocks)
    assert isinstance(error, TooManyBlocks)
    assert error.reason == "TOO_MANY_BLOCKS"
    assert error.field == "blocks[16]"
    assert error.message == "Wednesday, block 16: a day has at most 15 blocks."


@pytest.mark.req("AV-1")
@pytest.mark.parametrize("end", [540, 539, 0])
def test_an_end_at_or_before_its_start_is_named(end: int) -> None:
    error = rejected([*weekly(1, (0, 60)), *weekly(3, (60, 120), (540, end))])
    assert isinstance(error, EndNotAfterStart)
    assert error.field == "blocks[2].end"
    assert error.message.startswith("Thursday, block 2: the end of 09:00 to ")


@pytest.mark.req("AV-1")
@pytest.mark.parametrize(
    ("start", "end", "hint"),
    [
        (780, 0, "For midnight at the end of the day, enter 24:00."),
        (0, 0, "For midnight at the end of the day, enter 24:00."),
        (1320, 120, "A block cannot cross midnight"),
        (1320, 1, "A block cannot cross midnight"),
        (540, 539, "A block cannot cross midnight"),
        (540, 540, ""),
    ],
)
def test_the_error_says_what_was_probably_meant(start: int, end: int, hint: str) -> None:
    message = rejected(weekly(0, (start, end))).message
    assert message.partition("is not after its start.")[2].strip().startswith(hint)
    assert bool(message.partition("is not after its start.")[2].strip()) is bool(hint)


@pytest.mark.req("AV-1")
@pytest.mark.parametrize("spans", [((540, 600), (599, 660)), ((540, 600), (540, 600))])
def test_an_overlap_names_the_later_block(spans: tuple[tuple[int, int], ...]) -> None:
    error = rejected([*weekly(6, (0, 60)), *weekly(5, *spans)])
    assert isinstance(error, BlocksOverlap)
    assert error.field == "blocks[2].start"
    assert error.message.startswith("Saturday, block 2: ")
    assert error.message.endswith(" overlaps 09:00 to 10:00 (Saturday, block 1).")


@pytest.mark.req("AV-1")
def test_an_overlap_is_found_in_any_order() -> None:
    error = rejected(weekly(0, (700, 800), (0, 60), (650, 701)))
    assert (type(error), error.field) == (BlocksOverlap, "blocks[0].start")


@pytest.mark.req("AV-1")
def test_the_same_hours_on_two_days_do_not_overlap() -> None:
    validate_week(weekly(0, (540, 600)) + weekly(1, (540, 600)))


@pytest.mark.req("AV-1", "AV-3")
@pytest.mark.parametrize(
    ("block", "kind", "field"),
    [
        (WeeklyBlock(0, 60, day=7), UnknownDay, "blocks[0].day"),
        (WeeklyBlock(-1, 60, day=0), InvalidTime, "blocks[0].start"),
        (WeeklyBlock(1440, 1441, day=0), InvalidTime, "blocks[0].start"),
        (WeeklyBlock(0, 1441, day=0), InvalidTime, "blocks[0].end"),
        (WeeklyBlock(0, 60, day=0, modes=frozenset()), NoModes, "blocks[0].modes"),
    ],
)
def test_impossible_blocks_are_named(block: WeeklyBlock, kind: type[Invalid], field: str) -> None:
    error = rejected([block])
    assert (type(error), error.field) == (kind, field)


@pytest.mark.req("AV-6")
def test_an_override_keeps_the_rules_of_a_day_and_names_its_date() -> None:
    validate_override(Override(MONDAY))
    validate_override(Override(MONDAY, (Block(600, 1440), Block(0, 600))))
    with pytest.raises(BlocksOverlap, match="2026-06-01, block 1") as raised:
        validate_override(Override(MONDAY, (Block(599, 1440), Block(0, 600))))
    assert raised.value.field == "blocks[0].start"


# Which instants they mean


@pytest.mark.req("AV-5")
@pytest.mark.parametrize(
    ("day", "minute", "expected"),
    [
        (date(2026, 3, 8), 119, "2026-03-08T06:59"),
        (date(2026, 3, 8), 120, "2026-03-08T07:00"),
        (date(2026, 3, 8), 150, "2026-03-08T07:30"),
        (date(2026, 3, 8), 180, "2026-03-08T07:00"),
        (date(2026, 11, 1), 60, "2026-11-01T05:00"),
        (date(2026, 11, 1), 119, "2026-11-01T05:59"),
        (date(2026, 11, 1), 120, "2026-11-01T07:00"),
        (date(2026, 10, 31), 1440, "2026-11-01T04:00"),
    ],
)
def test_a_gap_moves_forward_and_a_fold_means_its_first_pass(
    day: date, minute: int, expected: str
) -> None:
    at = datetime.fromtimestamp(instant(NEW_YORK, day, minute) * 60, UTC)
    assert at.strftime("%Y-%m-%dT%H:%M") == expected


@pytest.mark.req("AV-5")
@pytest.mark.parametrize("name", cases.ZONES)
def test_a_time_that_exists_reads_on_the_wall_as_written(name: str) -> None:
    zone = zones.zone(name)
    for pivot in (*cases.changes(name), 29_000_000):
        for by in range(-1500, 1500, 31):
            read = cases.wall(name, pivot + by)
            first = min(
                (at for at in (read.replace(fold=0), read.replace(fold=1))),
                key=lambda at: at.astimezone(UTC),
            )
            minute = instant(zone, read.date(), read.hour * 60 + read.minute)
            assert cases.wall(name, minute).replace(tzinfo=None) == read.replace(tzinfo=None)
            assert minute == int(first.timestamp()) // 60


@pytest.mark.req("AV-5")
def test_only_dates_that_a_zone_skipped_do_not_exist() -> None:
    crossed = "Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kiritimati", "Pacific/Kwajalein"
    years = dict.fromkeys(cases.ZONES, (2020, 2030)) | dict.fromkeys(crossed, (1993, 2013))
    skipped = {
        (name, day)
        for name, (first, last) in years.items()
        for day in every_date(first, last)
        if not exists(zones.zone(name), day)
    }
    assert skipped == {
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Fakaofo", date(2011, 12, 30)),
        ("Pacific/Kiritimati", date(1994, 12, 31)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
    }


def every_date(first: int, last: int) -> list[date]:
    days = (date(last, 1, 1) - date(first, 1, 1)).days
    return [date(first, 1, 1) + timedelta(days=day) for day in range(days)]


@pytest.mark.req("AV-5")
@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_the_dates_around_some_minutes_hold_all_their_hours(name: str) -> None:
    zone = zones.zone(name)
    for minute in (29_000_000, 29_000_160, 29_001_000):
        around = list(dates_around(minute, minute + 1))
        missed = around[0] - timedelta(days=1), around[-1] + timedelta(days=1)
        assert instant(zone, missed[0], 1440) <= minute < instant(zone, missed[1], 0)


@pytest.mark.req("AV-5")
def test_time_begins_and_ends_without_a_crash() -> None:
    assert list(dates_around(-(10**10), -(10**10) + 1)) == []
    assert list(dates_around(2**32 - 2, 2**32 - 1)) == []


@pytest.mark.req("AV-5", "SL-2")
def test_merging_joins_what_touches_overlaps_or_nests() -> None:
    assert merged([(5, 7), (0, 2), (2, 3), (6, 9), (20, 30), (21, 22)]) == [
        *(Span(0, 3), Span(5, 9), Span(20, 30))
    ]


# Runs


@pytest.mark.req("AV-3", "SL-2")
def test_blocks_of_other_modes_or_offline_are_taken_out_before_joining() -> None:
    zone = zones.zone("UTC")
    midnight = instant(zone, MONDAY, 0)
    hours = Hours(
        zone,
        [
            WeeklyBlock(540, 600, day=0),
            WeeklyBlock(600, 660, day=0, online=False),
            WeeklyBlock(660, 720, day=0, modes=frozenset({Mode.PHONE})),
        ],
    )

    def runs(mode: Mode, online: bool) -> list[tuple[int, int]]:
        found = hours.runs_on(MONDAY, mode, online)
        return [(run.start - midnight, run.end - midnight) for run in found]

    assert runs(Mode.TELEHEALTH, True) == [(540, 600)]
    assert runs(Mode.TELEHEALTH, False) == [(540, 660)]
    assert runs(Mode.PHONE, True) == [(540, 600), (660, 720)]
    assert runs(Mode.PHONE, False) == [(540, 720)]


@pytest.mark.req("AV-3", "SL-3")
def test_blocks_of_different_rooms_stay_apart_in_person_only() -> None:
    zone = zones.zone("UTC")
    at = instant(zone, MONDAY, 0)
    hours = Hours(
        zone,
        [
            WeeklyBlock(540, 600, day=0, room=7),
            WeeklyBlock(600, 660, day=0, room=7),
            WeeklyBlock(660, 720, day=0, room=8),
            WeeklyBlock(720, 780, day=0),
        ],
    )
    assert hours.rooms == {7, 8}
    assert hours.runs_on(MONDAY, Mode.IN_PERSON, True) == [
        Run(at + 540, at + 660, 7),
        Run(at + 660, at + 720, 8),
        Run(at + 720, at + 780, None),
    ]
    assert hours.runs_on(MONDAY, Mode.PHONE, True) == [Run(at + 540, at + 780, None)]


@pytest.mark.req("AV-6")
def test_an_override_replaces_its_date_alone() -> None:
    overrides = [Override(MONDAY, (Block(0, 60),)), Override(MONDAY + timedelta(days=7))]
    hours = Hours(zones.zone("UTC"), weekly(0, (540, 600)), overrides)
    lengths = [
        [run.end - run.start for run in hours.runs_on(day, Mode.PHONE, True)]
        for day in (MONDAY + timedelta(days=by) for by in (-7, 0, 1, 7, 14))
    ]
    assert lengths == [[60], [60], [], [], [60]]
    assert hours.blocks_on(MONDAY) == (Block(0, 60),)
