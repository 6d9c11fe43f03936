"""A month with its days, and the times of a day."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.pages.booking import month

BERLIN = ZoneInfo("Europe/Berlin")
US, GERMAN = Locale.parse("en_US"), Locale.parse("en_DE")
pytestmark = pytest.mark.req("GW-6")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def drawn(locale: Locale = GERMAN, last: date | None = None) -> month.Month:
    starts = [at("2026-11-03 23:30"), at("2026-11-04 09:00"), at("2026-11-20 10:00")]
    chosen, today = date(2026, 11, 4), date(2026, 11, 2)
    return month.draw(date(2026, 11, 1), starts, chosen, today, last, BERLIN, locale)


def test_days_count_the_times_on_the_viewers_date() -> None:
    days = [day for week in drawn().weeks for day in week if day]
    assert [day.date.day for day in days] == list(range(1, 31))
    assert {day.date.day: day.times for day in days if day.times} == {4: 2, 20: 1}
    assert [day.date.day for day in days if day.chosen] == [4]
    assert [day.date.day for day in days if day.today] == [2]
    assert drawn().has_times


@pytest.mark.parametrize(("locale", "before"), [(US, 0), (GERMAN, 6)])
def test_weeks_begin_on_the_readers_day(locale: Locale, before: int) -> None:
    weeks = drawn(locale).weeks
    assert {len(week) for week in weeks} == {7}
    assert [day is None for day in weeks[0]].count(True) == before
    assert month.weekdays(locale)[0].long == ("Sunday" if locale is US else "Monday")


def test_one_can_go_neither_into_the_past_nor_beyond_the_last_date() -> None:
    assert (drawn().previous, drawn().following) == (None, date(2026, 12, 1))
    assert drawn(last=date(2026, 12, 1)).following == date(2026, 12, 1)
    assert drawn(last=date(2026, 11, 30)).following is None
    later = month.draw(date(2026, 12, 1), [], None, date(2026, 11, 2), None, BERLIN, US)
    assert (later.previous, later.has_times) == (date(2026, 11, 1), False)


def test_times_are_grouped_by_the_clock_of_the_zone() -> None:
    clocks = ("04:59", "05:00", "10:59", "11:00", "15:59", "16:00")
    midnight = at("2026-11-03 23:00")  # no morning yet
    starts = [midnight, *(at(f"2026-11-04 {clock}") for clock in clocks)]
    early, morning, afternoon, evening = starts[:2], starts[2:4], starts[4:6], starts[6:]
    assert month.parts(starts, BERLIN) == month.Parts(early, morning, afternoon, evening)
