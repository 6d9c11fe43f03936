"""A month with its days, and the times of a day, as the page draws them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale, dates

_MORNING, _NOON, _EVENING = 6, 12, 17  # hours at which morning, afternoon, and evening begin


@dataclass(frozen=True)
class Day:
    """A date of the month and its number of free times."""

    date: date
    times: int
    chosen: bool
    today: bool


@dataclass(frozen=True)
class Month:
    """A month as weeks of seven cells; empty cells belong to other months."""

    first: date
    weeks: tuple[tuple[Day | None, ...], ...]
    # The months that the page links to.
    previous: date | None
    following: date | None

    @property
    def has_times(self) -> bool:
        return any(day and day.times for week in self.weeks for day in week)


def draw(
    first: date, times: Iterable[datetime], chosen: date | None, today: date, last: date | None,
    zone: ZoneInfo, locale: Locale,
) -> Month:  # fmt: skip
    """Return the month that begins at `first`, with the free starts `times`.

    Nothing can be booked after `last`; None means that there is no such date.
    """
    counts = Counter(start.astimezone(zone).date() for start in times)
    lead = (first.weekday() - locale.first_week_day) % 7
    days: list[Day | None] = [None] * lead
    days += [Day(d, counts[d], d == chosen, d == today) for d in dates_of(first)]
    days += [None] * (-len(days) % 7)
    earlier, later = before(first), after(first)
    return Month(
        first,
        tuple(tuple(days[n : n + 7]) for n in range(0, len(days), 7)),
        earlier if first > today.replace(day=1) else None,
        later if later.year < 2100 and (last is None or later <= last) else None,
    )


def dates_of(first: date) -> list[date]:
    """Return all dates of the month that begins at `first`."""
    length = (after(first) - first).days
    return [first + timedelta(days=n) for n in range(length)]


def after(first: date) -> date:
    """Return the first date of the following month."""
    return (first + timedelta(days=31)).replace(day=1)


def before(first: date) -> date:
    """Return the first date of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


@dataclass(frozen=True)
class Weekday:
    short: str
    long: str


def weekdays(locale: Locale) -> list[Weekday]:
    """Return the weekdays, beginning with the first day of the reader's week."""
    names = (
        dates.get_day_names(width, "stand-alone", locale=locale)
        for width in ("abbreviated", "wide")
    )
    short, long = names
    order = [(locale.first_week_day + n) % 7 for n in range(7)]
    return [Weekday(short[n], long[n]) for n in order]


@dataclass(frozen=True)
class Parts:
    """A day's times by part of the day."""

    early: Sequence[datetime]
    morning: Sequence[datetime]
    afternoon: Sequence[datetime]
    evening: Sequence[datetime]


def parts(times: Iterable[datetime], zone: ZoneInfo) -> Parts:
    """Return the times by part of the day: early until six o'clock, morning until noon, evening
    from five o'clock."""
    found: tuple[list[datetime], ...] = ([], [], [], [])
    for start in times:
        hour = start.astimezone(zone).hour
        found[(hour >= _MORNING) + (hour >= _NOON) + (hour >= _EVENING)].append(start)
    return Parts(*found)
