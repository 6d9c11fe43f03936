"""Instants in a viewer's zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import proto, zones
from gateway import times

NEW_YORK = zones.zone("America/New_York")


def minute(text: str) -> int:
    return times.minute(datetime.fromisoformat(text))


@pytest.mark.req("SL-1")
def test_a_date_begins_and_ends_at_local_midnight() -> None:
    assert times.window(date(2026, 10, 5), date(2026, 10, 5), NEW_YORK) == (
        minute("2026-10-05T00:00-04:00"),
        minute("2026-10-06T00:00-04:00"),
    )


@pytest.mark.req("SL-1")
@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-08", "America/New_York", 23),  # spring
        ("2026-11-01", "America/New_York", 25),  # autumn
        ("2026-10-04", "Australia/Lord_Howe", 23.5),  # shifts by half an hour
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2018-11-04", "America/Sao_Paulo", 23),  # midnight itself does not exist
        ("2026-03-08", "America/Havana", 23),
        ("2011-12-30", "Pacific/Apia", 0),  # a date that never was
        ("2011-12-31", "Pacific/Apia", 24),
        ("2026-06-01", "Asia/Kathmandu", 24),
    ],
)
def test_a_date_is_as_long_as_the_zone_makes_it(day: str, zone: str, hours: float) -> None:
    on = date.fromisoformat(day)
    begin, end = times.window(on, on, zones.zone(zone))
    assert (end - begin) / 60 == hours


@pytest.mark.req("SL-1")
@given(
    st.dates(date(2000, 1, 3), date(2099, 12, 20)),
    st.integers(0, 91),
    st.sampled_from(sorted(zones.NAMES)),
)
def test_the_window_holds_exactly_the_minutes_of_its_dates(
    first: date, more: int, name: str
) -> None:
    tz, last = ZoneInfo(name), first + timedelta(days=more)

    def on(minute: int) -> date:
        return datetime.fromtimestamp(minute * 60, tz).date()

    begin, end = times.window(first, last, tz)
    if begin < end:
        assert first <= on(begin) <= last
        assert first <= on(end - 1) <= last
        assert not first <= on(begin - 1) <= last
        assert not first <= on(end) <= last


@pytest.mark.req("SL-1")
@given(
    st.lists(st.integers(0, 40 * 24 * 60), unique=True, max_size=40).map(sorted),
    st.dates(date(2000, 1, 3), date(2099, 11, 1)),
    st.sampled_from(sorted(zones.NAMES)),
    st.integers(5, 480),
)
def test_slots_are_grouped_and_written_as_datetimes_would_be(
    offsets: list[int], first: date, name: str, length: int
) -> None:
    tz, last = ZoneInfo(name), first + timedelta(days=30)
    begin = times.window(first, first, tz)[0]
    starts = [begin + offset for offset in offsets]

    def written(minute: int) -> str:
        return datetime.fromtimestamp(minute * 60, tz).isoformat()

    expected: dict[date, list[dict[str, str]]] = {first + timedelta(days=n): [] for n in range(31)}
    for start in starts:
        day = datetime.fromtimestamp(start * 60, tz).date()
        if day in expected:
            slot = {"start": written(start), "end": written(start + length)}
            expected[day].append(slot)
    assert times.days(starts, length, first, last, tz) == [
        (day.isoformat(), slots) for day, slots in expected.items()
    ]
    assert times.counts(starts, first, last, tz) == {
        day.isoformat(): len(slots) for day, slots in expected.items()
    }


def test_a_slot_over_the_end_of_summer_time_ends_in_the_other_offset() -> None:
    start = minute("2026-11-01T01:30-04:00")
    assert times.slots([start], 60, NEW_YORK) == [
        {"start": "2026-11-01T01:30:00-04:00", "end": "2026-11-01T01:30:00-05:00"}
    ]


def test_slots_keep_the_order_they_came_in() -> None:
    starts = [minute("2026-10-06T09:00+00:00"), minute("2026-10-05T09:00+00:00")]
    assert [slot["start"] for slot in times.slots(starts, 30, ZoneInfo("UTC"))] == [
        "2026-10-06T09:00:00+00:00",
        "2026-10-05T09:00:00+00:00",
    ]
    assert times.slots([], 30, NEW_YORK) == []


def test_an_instant_goes_into_a_message_and_back() -> None:
    instant = datetime(2026, 10, 5, 13, 30, tzinfo=UTC)
    assert proto.instant(proto.timestamp(instant)) == instant
    assert times.text(instant, NEW_YORK) == "2026-10-05T09:30:00-04:00"


def test_a_month_and_today() -> None:
    assert times.month(2028, 2) == (date(2028, 2, 1), date(2028, 2, 29))
    assert times.month(2026, 12) == (date(2026, 12, 1), date(2026, 12, 31))
    assert times.today(datetime(2026, 10, 5, 2, tzinfo=UTC), NEW_YORK) == date(2026, 10, 4)
