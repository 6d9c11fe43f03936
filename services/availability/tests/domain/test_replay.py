"""Replayed cases answer what a minute-by-minute walk answers, and what was worked out by hand."""

import json
import os
import random
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from availability import replay
from common import zones
from common.errors import Invalid
from services.availability.tests.domain import cases, reference
from services.availability.tests.domain.cases import Case, written

EVERY_DAY = list(range(7))


def answer(case: Case) -> list[str]:
    return [written(start) for start in replay.starts(replay.read_case(replay.Value(case, "")))]


def case_of(tz: str, first: str, end: str, *hours: str, days: list[int] | None = None) -> Case:
    """A case of sessions of 60 minutes every 60; `hours` are written 09:00-12:00."""
    blocks = [text.split("-") for text in hours]
    return {
        "tz": tz,
        "weekly_hours": [
            {"days": EVERY_DAY if days is None else days, "start": start, "end": end}
            for start, end in blocks
        ],
        "date_overrides": [],
        "busy": [],
        "duration_min": 60,
        "step_min": 60,
        "now": first,
        "range_start": first,
        "range_end": end,
    }


def times(date: str, *clocks: str) -> list[str]:
    return [f"{date}T{clock}:00Z" for clock in clocks]


def busy(*spans: str) -> list[Case]:
    """Busy times written `2026-06-01T09:00:00Z/10:30:00Z`, both on one date."""
    pairs = [span.split("/") for span in spans]
    return [{"start": start, "end": f"{start[:10]}T{end}"} for start, end in pairs]


# By hand: the changes of clocks


@pytest.mark.req("AV-5", "SL-11")
def test_the_spring_gap_shortens_a_block_that_spans_it() -> None:
    case = case_of("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T05:00:00Z")
    case["weekly_hours"] = [{"days": [6], "start": "01:00", "end": "04:00"}]
    case |= {"duration_min": 30, "step_min": 30}
    assert answer(case) == times("2026-03-08", "06:00", "06:30", "07:00", "07:30")


@pytest.mark.req("AV-5", "SL-11")
def test_hours_wholly_inside_the_gap_shift_with_it() -> None:
    night = "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z"
    case = case_of("America/New_York", *night, "02:10-02:50")
    case |= {"duration_min": 20, "step_min": 10}
    assert answer(case) == times("2026-03-08", "07:10", "07:20", "07:30")


@pytest.mark.req("AV-5", "SL-11")
def test_hours_that_end_before_they_start_after_the_gap_are_none() -> None:
    night = "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z"
    case = case_of("America/New_York", *night, "02:30-03:15", "02:00-03:00")
    case |= {"duration_min": 5, "step_min": 5}
    assert answer(case) == []


@pytest.mark.req("AV-5", "SL-2", "SL-11")
def test_blocks_on_both_sides_of_the_gap_touch_and_share_a_grid() -> None:
    night = "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z"
    case = case_of("America/New_York", *night, "01:00-02:00", "03:00-04:00")
    case |= {"duration_min": 50, "step_min": 35}
    assert answer(case) == times("2026-03-08", "06:00", "06:35", "07:10")


@pytest.mark.req("AV-5", "SL-2", "SL-11")
def test_hours_shifted_out_of_the_gap_join_the_hours_they_land_in() -> None:
    night = "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z"
    case = case_of("America/New_York", *night, "02:10-02:50", "03:00-03:30")
    case |= {"duration_min": 20, "step_min": 15}
    assert answer(case) == times("2026-03-08", "07:00", "07:15", "07:30")


@pytest.mark.req("AV-5", "SL-11")
def test_a_block_that_spans_the_fold_covers_both_passes() -> None:
    night = "2026-11-01T04:00:00Z", "2026-11-01T12:00:00Z"
    case = case_of("America/New_York", *night, "00:30-02:30") | {"step_min": 30}
    assert answer(case) == times("2026-11-01", "04:30", "05:00", "05:30", "06:00", "06:30")


@pytest.mark.req("AV-5", "SL-11")
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("00:30-01:30", ("04:30",)),
        ("01:30-02:30", ("05:30", "06:30")),
        ("01:15-01:45", ()),
        ("01:00-02:00", ("05:00", "06:00")),
    ],
)
def test_an_ambiguous_time_means_its_first_pass(hours: str, expected: tuple[str, ...]) -> None:
    night = "2026-11-01T04:00:00Z", "2026-11-01T12:00:00Z"
    case = case_of("America/New_York", *night, hours)
    assert answer(case) == times("2026-11-01", *expected)


@pytest.mark.req("AV-5", "SL-11")
def test_lord_howe_shifts_by_half_an_hour() -> None:
    autumn = case_of(
        "Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-04T20:00:00Z", "01:00-02:30"
    )
    spring = case_of(
        "Australia/Lord_Howe", "2026-10-03T13:00:00Z", "2026-10-03T20:00:00Z", "01:30-03:00"
    )
    half_hours = {"duration_min": 30, "step_min": 30}
    assert answer(autumn | half_hours) == times("2026-04-04", "14:00", "14:30", "15:00", "15:30")
    assert answer(spring | half_hours) == times("2026-10-03", "15:00", "15:30")


@pytest.mark.req("AV-5", "SL-11")
def test_the_date_that_apia_skipped_has_no_hours() -> None:
    case = case_of(
        "Pacific/Apia",
        "2011-12-29T12:00:00Z",
        "2011-12-31T00:00:00Z",
        *("00:00-02:00", "09:00-10:00", "22:00-24:00"),
    )
    before = times("2011-12-29", "19:00")
    after = times("2011-12-30", "08:00", "09:00", "10:00", "11:00", "19:00")
    assert answer(case) == before + after


@pytest.mark.req("AV-5", "AV-6", "SL-11")
def test_an_override_does_not_bring_the_skipped_date_back() -> None:
    case = case_of("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T06:00:00Z")
    case["date_overrides"] = [
        {"date": "2011-12-30", "hours": [{"start": "09:00", "end": "17:00"}]},
        {"date": "2011-12-31", "hours": [{"start": "09:00", "end": "11:00"}]},
    ]
    assert answer(case) == times("2011-12-30", "19:00", "20:00")


@pytest.mark.req("AV-5", "SL-2", "SL-11")
def test_a_session_runs_over_the_date_that_was_skipped() -> None:
    whole = "2011-12-30T00:00:00Z", "2011-12-30T18:00:00Z"
    case = case_of("Pacific/Apia", *whole, "00:00-02:00", "22:00-24:00") | {"duration_min": 90}
    assert answer(case) == times("2011-12-30", "08:00", "09:00", "10:00")


@pytest.mark.req("AV-5", "SL-2", "SL-11")
def test_midnight_in_the_gap_of_beirut() -> None:
    night = "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"
    case = case_of("Asia/Beirut", *night, "00:00-02:00", "22:00-24:00") | {"step_min": 50}
    assert answer(case) == times("2026-03-28", "20:00", "20:50", "21:40", "22:00")


@pytest.mark.req("AV-5", "SL-11")
def test_hours_in_the_midnight_gap_of_cairo_shift() -> None:
    night = "2026-04-23T12:00:00Z", "2026-04-24T12:00:00Z"
    case = case_of("Africa/Cairo", *night, "00:15-00:45", days=[4])
    case |= {"duration_min": 15, "step_min": 15}
    assert answer(case) == times("2026-04-23", "22:15", "22:30")


@pytest.mark.req("AV-5", "SL-11")
def test_the_hour_before_midnight_twice_in_santiago() -> None:
    night = "2026-04-04T22:00:00Z", "2026-04-05T12:00:00Z"
    until_midnight = case_of("America/Santiago", *night, "22:00-24:00", days=[5])
    until_half_past = case_of("America/Santiago", *night, "22:00-23:30", days=[5])
    assert answer(until_midnight) == times("2026-04-05", "01:00", "02:00", "03:00")
    assert answer(until_half_past) == times("2026-04-05", "01:00")


@pytest.mark.req("AV-5", "SL-11")
def test_the_hour_after_midnight_twice_in_the_azores() -> None:
    night = "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"
    case = case_of("Atlantic/Azores", *night, "00:00-01:00", days=[6])
    assert answer(case) == times("2026-10-25", "00:00", "01:00")


@pytest.mark.req("AV-5", "SL-2", "SL-11")
def test_hours_of_nuuk_shifted_over_midnight_keep_the_grid_of_their_date() -> None:
    night = "2026-03-28T20:00:00Z", "2026-03-29T12:00:00Z"
    case = case_of("America/Nuuk", *night, "23:10-23:50", days=[5])
    case["weekly_hours"].append({"days": [6], "start": "00:00", "end": "01:00"})
    case |= {"duration_min": 20, "step_min": 20}
    on_both_grids = "01:00", "01:10", "01:20", "01:30", "01:40"
    assert answer(case) == times("2026-03-29", *on_both_grids)


@pytest.mark.req("AV-5", "SL-11")
@pytest.mark.parametrize(
    ("tz", "first", "expected"),
    [
        ("Asia/Kathmandu", "2026-06-01T00:00:00Z", "2026-06-01T03:15:00Z"),
        ("Pacific/Chatham", "2026-06-01T12:00:00Z", "2026-06-01T20:15:00Z"),
        ("Pacific/Chatham", "2026-01-01T12:00:00Z", "2026-01-01T19:15:00Z"),
        ("Europe/Dublin", "2026-01-05T00:00:00Z", "2026-01-05T09:00:00Z"),
        ("Europe/Dublin", "2026-07-06T00:00:00Z", "2026-07-06T08:00:00Z"),
        ("Africa/Casablanca", "2026-02-14T00:00:00Z", "2026-02-14T08:00:00Z"),
        ("Africa/Casablanca", "2026-02-16T00:00:00Z", "2026-02-16T09:00:00Z"),
        ("America/Vancouver", "2026-11-02T00:00:00Z", "2026-11-02T16:00:00Z"),
    ],
)
def test_nine_in_the_morning_around_the_world(tz: str, first: str, expected: str) -> None:
    end = f"{first[:10]}T23:59:59Z"
    assert answer(case_of(tz, first, end, "09:00-10:00")) == [expected]


# By hand: grid, session, buffers, bounds


@pytest.mark.req("SL-2", "SL-11")
def test_a_session_runs_over_midnight_where_hours_touch() -> None:
    two_days = "2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"
    case = case_of("UTC", *two_days, "22:00-24:00", "00:00-01:00") | {"duration_min": 90}
    assert answer(case) == times("2026-06-01", "22:00", "23:00")


@pytest.mark.req("SL-2", "SL-11")
def test_the_grid_begins_anew_each_date() -> None:
    two_days = "2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z"
    case = case_of("UTC", *two_days, "22:20-24:00", "00:00-02:00") | {"step_min": 45}
    evening = times("2026-06-01", "22:20", "23:05", "23:50")
    assert answer(case) == evening + times("2026-06-02", "00:00", "00:45")


@pytest.mark.req("SL-2", "SL-11")
def test_touching_blocks_of_one_date_are_one_run() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "10:50-12:00", "09:00-10:50") | {"step_min": 40}
    assert answer(case) == times("2026-06-01", "09:00", "09:40", "10:20", "11:00")


@pytest.mark.req("SL-2", "SL-11")
def test_a_pause_begins_a_new_grid() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-10:50", "10:51-12:00") | {"step_min": 40}
    assert answer(case) == times("2026-06-01", "09:00", "09:40", "10:51")


@pytest.mark.req("SL-2", "SL-11")
def test_a_booking_does_not_shift_the_grid() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-13:00") | {"step_min": 30}
    case["busy"] = busy("2026-06-01T10:00:00Z/10:50:00Z")
    assert answer(case) == times("2026-06-01", "09:00", "11:00", "11:30", "12:00")


@pytest.mark.req("SL-1", "SL-11")
def test_sessions_may_stand_back_to_back_with_taken_time() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-12:00")
    case["busy"] = busy("2026-06-01T10:00:00Z/11:00:00Z")
    assert answer(case) == times("2026-06-01", "09:00", "11:00")


@pytest.mark.req("SL-1", "SL-11")
@pytest.mark.parametrize("taken", ["09:59:00Z/10:30:00Z", "08:00:00Z/09:01:00Z"])
def test_a_single_minute_in_common_is_too_much(taken: str) -> None:
    case = case_of("UTC", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "09:00-10:00")
    case["busy"] = busy(f"2026-06-01T{taken}")
    assert answer(case) == []


@pytest.mark.req("SL-1", "SL-11")
def test_buffers_reach_outside_hours_but_not_into_taken_time() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-13:00") | {"buffer_before_min": 10, "buffer_after_min": 5}
    assert answer(case) == times("2026-06-01", "09:00", "10:00", "11:00", "12:00")
    case["busy"] = busy(
        "2026-06-01T08:00:00Z/08:51:00Z",
        "2026-06-01T11:05:00Z/11:50:00Z",
    )
    assert answer(case) == times("2026-06-01", "10:00", "12:00")


@pytest.mark.req("SL-3", "SL-11")
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("10:00:00", "10:00:00", ("09:00", "10:00", "11:00")),
        ("09:59:59", "10:00:00", ("10:00", "11:00")),
        ("10:59:59.999999", "11:00:00.000001", ("09:00",)),
        ("10:20:30", "10:20:30", ("09:00", "10:00", "11:00")),
        ("10:20:30", "10:20:30.0000000001", ("09:00", "11:00")),
        ("00:00:00", "09:00:00.5", ("10:00", "11:00")),
    ],
)
def test_seconds_of_busy_time_count(start: str, end: str, expected: tuple[str, ...]) -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-12:00")
    case["busy"] = [{"start": f"2026-06-01T{start}Z", "end": f"2026-06-01T{end}Z"}]
    assert answer(case) == times("2026-06-01", *expected)


@pytest.mark.req("AV-15", "SL-3", "SL-11")
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("08:30:00Z", ("09:00", "10:00", "11:00")),
        ("08:30:00.000001Z", ("10:00", "11:00")),
        ("10:29:59.999Z", ("11:00",)),
        ("14:30:01+05:00", ("11:00",)),
    ],
)
def test_notice_is_inclusive_and_exact(now: str, expected: tuple[str, ...]) -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "09:00-12:00") | {"min_notice_min": 30}
    case["now"] = f"2026-06-01T{now}"
    assert answer(case) == times("2026-06-01", *expected)


@pytest.mark.req("SL-11")
def test_the_range_is_half_open_and_exact() -> None:
    case = case_of("UTC", "2026-06-01T09:00:00Z", "2026-06-01T11:00:00Z", "08:00-20:00")
    assert answer(case) == times("2026-06-01", "09:00", "10:00")
    case |= {"range_start": "2026-06-01T09:00:00.1Z", "range_end": "2026-06-01T11:00:00.1Z"}
    assert answer(case) == times("2026-06-01", "10:00", "11:00")
    case |= {"range_end": case["range_start"]}
    assert answer(case) == []


@pytest.mark.req("AV-6", "SL-11")
def test_an_override_replaces_its_date_and_an_empty_one_closes_it() -> None:
    week = "2026-06-01T00:00:00Z", "2026-06-04T00:00:00Z"
    case = case_of("UTC", *week, "09:00-11:00")
    case["date_overrides"] = [
        {"date": "2026-06-01", "hours": []},
        {"date": "2026-06-02", "hours": [{"start": "20:00", "end": "21:00"}]},
        {"date": "2026-06-09", "hours": [{"start": "00:00", "end": "24:00"}]},
    ]
    assert answer(case) == times("2026-06-02", "20:00") + times("2026-06-03", "09:00", "10:00")


@pytest.mark.req("SL-11")
def test_overlapping_unsorted_hours_are_one_run() -> None:
    day = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
    case = case_of("UTC", *day, "10:00-12:00", "09:00-11:00", "09:30-10:00", "09:00-11:00")
    assert answer(case) == times("2026-06-01", "09:00", "10:00", "11:00")


@pytest.mark.req("SL-11")
def test_what_is_left_out_has_sensible_defaults() -> None:
    case = {
        "tz": "UTC",
        "weekly_hours": [{"days": [0], "start": "09:00", "end": "10:00"}],
        "duration_min": 30,
        "now": "2026-06-01T00:00:00Z",
        "range_start": "2026-06-01T00:00:00Z",
        "range_end": "2026-06-02T00:00:00Z",
    }
    assert answer(case) == times("2026-06-01", "09:00", "09:15", "09:30")


@pytest.mark.req("SL-11")
def test_a_range_of_twenty_years() -> None:
    case = case_of("Europe/London", "2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z", "12:00-13:00")
    found = answer(case)
    assert len(found) == 7305
    assert found == sorted(set(found))


# By walking every minute


@pytest.mark.req("AV-5", "AV-6", "SL-1", "SL-2", "SL-3", "SL-11")
@given(cases.cases())
def test_random_cases_answer_as_the_walk_does(case: Case) -> None:
    assert answer(case) == reference.starts(case)


def behaviours() -> list[str]:
    """One zone for each way in which clocks behave from 2024 to 2028."""
    wheel = resources.files("tzdata") / "zoneinfo"
    by_content = {(wheel / name).read_bytes(): name for name in sorted(zones.NAMES)}
    found: dict[tuple[object, ...], str] = {}
    for name in by_content.values():
        changes = cases.changes(name)
        key = tuple(cases.wall(name, at).utcoffset() for at in (28_401_120, *changes))
        found.setdefault((key, changes), name)
    return list(found.values())


@pytest.mark.req("AV-5", "SL-11")
def test_every_zone_answers_as_the_walk_does() -> None:
    """Tries every third zone; `make fuzz` tries all."""
    for name in behaviours()[:: 1 if "ATTUNE_EXAMPLES" in os.environ else 3]:
        pick = random.Random(name)  # noqa: S311 - not a secret
        pivot = pick.choice(cases.changes(name) or (29_000_000,))
        case = case_of(name, written(pivot - 1440), written(pivot + 1440))
        around = cases.wall(name, pivot)
        near = around.hour * 60 + around.minute
        points = sorted({0, 1440, *((near + by) % 1440 for by in (-75, -20, 0, 25, 130))})
        points = sorted(pick.sample(points, 4))
        case["weekly_hours"] = [
            {"days": EVERY_DAY, "start": cases.clock(start), "end": cases.clock(end)}
            for start, end in (points[:2], points[2:])
        ]
        case |= {"duration_min": 20, "step_min": 15, "buffer_after_min": 10}
        case["busy"] = [{"start": written(pivot + 30), "end": written(pivot + 50)}]
        assert answer(case) == reference.starts(case), name


# The invariants of the scheduling notes


@pytest.mark.req("SL-1")
@given(cases.cases(), st.sampled_from((0, 60, -210, 825)))
def test_the_zone_in_which_instants_are_written_changes_nothing(case: Case, ahead: int) -> None:
    def rewritten(text: str) -> str:
        exact = reference.seconds(text)
        minute, rest = divmod(round(exact * 1_000_000), 60_000_000)
        return written(minute, micro=rest, ahead=ahead)

    other = case | {key: rewritten(case[key]) for key in ("now", "range_start", "range_end")}
    other["busy"] = [{key: rewritten(at) for key, at in each.items()} for each in case["busy"]]
    assert answer(other) == answer(case)


@pytest.mark.req("SL-3")
@given(cases.cases(), st.data())
def test_taken_time_never_adds_a_start(case: Case, data: st.DataObject) -> None:
    middle = int(reference.seconds(case["range_start"]) // 60)
    more = data.draw(cases.busy_times(middle + data.draw(st.integers(-60, 1440)), 45))
    fewer = answer(case | {"busy": [*case["busy"], more]})
    assert [start for start in answer(case) if start in set(fewer)] == fewer


@pytest.mark.req("SL-1")
@given(cases.cases(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(case: Case, shuffle: random.Random) -> None:
    other = case | {key: case[key] * 2 for key in ("weekly_hours", "busy")}
    for key in ("weekly_hours", "busy", "date_overrides"):
        other[key] = shuffle.sample(other[key], len(other[key]))
    assert answer(other) == answer(case)


@pytest.mark.req("SL-1")
@given(cases.cases(), st.data())
def test_splitting_the_range_changes_nothing(case: Case, data: st.DataObject) -> None:
    first, end = (int(reference.seconds(case[key]) // 60) for key in ("range_start", "range_end"))
    middle = data.draw(cases.instants(first + 1, max(end - 1, first + 1)))
    if reference.seconds(middle) > reference.seconds(case["range_end"]):
        middle = case["range_end"]
    parts = answer(case | {"range_end": middle}) + answer(case | {"range_start": middle})
    assert parts == answer(case)


@pytest.mark.req("SL-2")
@given(cases.cases(), st.integers(-1440, 1440))
def test_a_longer_range_adds_starts_only_outside(case: Case, by: int) -> None:
    first = int(reference.seconds(case["range_start"]) // 60) - abs(by)
    longer = answer(case | {"range_start": written(first)})
    assert answer(case) == [start for start in longer if start >= case_start(case)]


def case_start(case: Case) -> str:
    """Return the start of the range, in a form that sorts with the answers."""
    exact = reference.seconds(case["range_start"])
    return written(-int(-exact // 60))


# The command


def run(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "availability.replay", str(path)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def samples() -> list[Case]:
    return [
        case_of(tz, "2026-10-20T00:00:00Z", "2026-11-10T00:00:00Z", "00:30-03:00", "22:00-24:00")
        for tz in ("America/New_York", "America/Vancouver", "Africa/Casablanca", "Asia/Gaza")
    ]


@pytest.mark.req("SL-11")
def test_one_case_prints_its_starts(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case_of("UTC", *["2026-06-01T00:00:00Z"] * 2, "09:00-10:00")))
    assert run(path).stdout == '{"starts": []}\n'
    case = case_of("UTC", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "09:00-11:00")
    path.write_text(json.dumps(case))
    expected = '{"starts": ["2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z"]}\n'
    assert run(path).stdout == expected


@pytest.mark.req("SL-11", "AV-5")
def test_cases_print_an_answer_a_line_whatever_the_machine_is_set_to(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": samples()}))
    expected = [{"starts": reference.starts(case)} for case in samples()]
    for name, value in (
        ("TZ", "Asia/Kathmandu"),
        ("TZ", "America/New_York"),
        ("PYTHONTZPATH", foreign_zones(tmp_path)),
    ):
        done = run(path, **{name: value})
        assert [json.loads(line) for line in done.stdout.splitlines()] == expected
        assert (done.returncode, done.stderr) == (0, "")


def foreign_zones(folder: Path) -> str:
    """A machine's own zone files, on which New York keeps the time of Tokyo."""
    (folder / "America").mkdir()
    tokyo = resources.files("tzdata.zoneinfo.Asia") / "Tokyo"
    (folder / "America" / "New_York").write_bytes(tokyo.read_bytes())
    return str(folder)


def weekly_hours(days: list[int], start: str, end: str) -> Case:
    return {"weekly_hours": [{"days": days, "start": start, "end": end}]}


@pytest.mark.req("SL-10", "SL-11")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": None}, "tz"),
        ({"now": "2026-06-01T00:00:00"}, "now"),
        ({"now": 5}, "now"),
        ({"range_start": "yesterday"}, "range_start"),
        ({"range_start": "1969-12-31T23:59:59Z"}, "range_start"),
        ({"range_end": "2026-05-01T00:00:00Z"}, "range_end"),
        ({"range_end": "2026-02-30T00:00:00Z"}, "range_end"),
        ({"duration_min": None}, "duration_min"),
        ({"duration_min": 0}, "duration_min"),
        ({"duration_min": "60"}, "duration_min"),
        ({"duration_min": True}, "duration_min"),
        ({"step_min": 0}, "step_min"),
        ({"buffer_after_min": -5}, "buffer_after_min"),
        ({"min_notice_min": 1.5}, "min_notice_min"),
        ({"weekly_hours": {}}, "weekly_hours"),
        ({"weekly_hours": [7]}, "weekly_hours[0]"),
        (weekly_hours([7], "09:00", "10:00"), "weekly_hours[0].days[0]"),
        (weekly_hours([1], "9:00", "10:00"), "weekly_hours[0].start"),
        (weekly_hours([1], "09:00", "24:01"), "weekly_hours[0].end"),
        (weekly_hours([1], "09:00", "09:00"), "weekly_hours[0].end"),
        ({"date_overrides": [{"date": "20260601", "hours": []}]}, "date_overrides[0].date"),
        ({"busy": [{"start": "2026-06-01T10:00:00Z"}]}, "busy[0].end"),
        (
            {"busy": [{"start": "2026-06-01T10:00:00Z", "end": "2026-06-01T09:00:00Z"}]},
            "busy[0].end",
        ),
    ],
)
def test_a_bad_case_names_its_field(change: Case, field: str) -> None:
    case = case_of("UTC", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "09:00-11:00") | change
    with pytest.raises(Invalid) as raised:
        replay.read(replay.Value({"cases": [case]}, ""))
    assert raised.value.field == f"cases[0].{field}"


@pytest.mark.req("SL-10", "SL-11")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "line 1"),
        ("[]", "the file: is not an object"),
        ('{"cases": [{}]}', "cases[0].now: is missing"),
    ],
)
def test_a_bad_file_gives_one_line_and_exit_code_2(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "case.json"
    if content is not None:
        path.write_text(content)
    done = run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
