"""The picker of the booking page: a month with its days, and the times of the chosen day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from attune.common.v1 import types_pb2 as types
from gateway import times
from gateway.backends import slots
from gateway.pages.booking import month, own
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import context, formats
from gateway.pages.shared.language import reader, text, texts


@dataclass(frozen=True)
class Time:
    """A start as the list of times shows it."""

    start: datetime
    words: str
    yours: str
    """In person, the same in the reader's zone; empty where it does not differ."""
    is_own: bool
    """The visitor holds it."""
    is_lost: bool
    """The visitor chose it, and it is not free any more."""


def view(choice: Choice, lost: datetime | None = None) -> dict[str, Any]:
    """Return what the template shows of the picker; `lost` is a start that was just refused."""
    zone, locale = choice.shown_zone, reader().locale
    today = context.now().astimezone(zone).date()
    last = _last_date(choice, today)
    first, next_start = _shown_month(choice, today, last)
    starts = _starts(choice, first)
    found = own.held(choice)
    held = found.start_time if found and found.hold_id else None
    free = sorted({*starts, *(start for start in (held, lost) if start)})
    dates = [start.astimezone(zone).date() for start in free]
    day = choice.day if choice.day and choice.day.replace(day=1) == first else None
    day = day or next((d for d in dates if d.replace(day=1) == first), None)
    shown = [s for s, d in zip(free, dates, strict=True) if d == day]
    named = next(iter(shown), context.now())
    bookable = [start for start in free if start == held or start != lost]
    drawn = month.draw(first, bookable, day, today, last, zone, locale)
    return {
        "month": drawn,
        "weekdays": month.weekdays(locale),
        "date": day,
        "parts": _parts(choice, shown, held, lost),
        "next_start": None if free else (next_start or _next_start(choice)),
        "zone_words": formats.zone_label(named, zone),
        "your_zone_words": _your_zone(choice, named),
        "clocks_change": bool(day and formats.clocks_change(day, zone)),
        "announced": _announced(drawn),
    }


def time(choice: Choice, start: datetime, *, is_own: bool = False, is_lost: bool = False) -> Time:
    """Return a start as the lists of times show it."""
    return Time(
        start,
        formats.clock_time(start, choice.shown_zone, reader().locale),
        _yours(choice, start),
        is_own,
        is_lost,
    )


def _parts(
    choice: Choice, shown: Sequence[datetime], held: datetime | None, lost: datetime | None
) -> list[tuple[str, list[Time]]]:
    """Return the day's times under the names of their parts of the day."""
    found = month.parts(shown, choice.shown_zone)
    named = [
        (text("Early morning"), found.early),
        (text("Morning"), found.morning),
        (text("Afternoon"), found.afternoon),
        (text("Evening"), found.evening),
    ]
    return [
        (name, [time(choice, s, is_own=s == held, is_lost=s == lost != held) for s in starts])
        for name, starts in named
        if starts
    ]


def _yours(choice: Choice, start: datetime) -> str:
    if not differ(choice, start):
        return ""
    locale = reader().locale
    at_place = start.astimezone(choice.shown_zone).date()
    here = start.astimezone(choice.zone).date()
    clock = formats.clock_time(start, choice.zone, locale)
    return clock if here == at_place else f"{formats.weekday(here, locale)} {clock}"


def _your_zone(choice: Choice, moment: datetime) -> str:
    """Return the reader's zone in words if, in person, it differs from that of the place."""
    return formats.zone_label(moment, choice.zone) if differ(choice, moment) else ""


def differ(choice: Choice, moment: datetime) -> bool:
    """Return whether, in person, the clocks of place and reader differ at a moment."""
    place, here = (moment.astimezone(z).utcoffset() for z in (choice.shown_zone, choice.zone))
    return choice.mode == types.MODE_IN_PERSON and place != here


def _announced(drawn: month.Month) -> str:
    """Return what a screen reader says once a month has been drawn."""
    days = sum(bool(day and day.times) for week in drawn.weeks for day in week)
    name = formats.month_name(drawn.first, reader().locale)
    return texts(
        "%(month)s: %(num)d day with open times",
        "%(month)s: %(num)d days with open times",
        days,
        month=name,
    )


def _shown_month(choice: Choice, today: date, last: date | None) -> tuple[date, datetime | None]:
    """Return the first date of the month to show, and the first free time if that decided it.

    The month asked for comes first, else that of the first free time is shown.
    """
    present = today.replace(day=1)
    if choice.month:
        latest = last.replace(day=1) if last else choice.month
        return max(present, min(choice.month, latest)), None
    start = _next_start(choice)
    return (start.astimezone(choice.shown_zone).date().replace(day=1) if start else present), start


def _last_date(choice: Choice, today: date) -> date | None:
    days = choice.policies.maximum_advance_days
    return today + timedelta(days=days) if days else None


def _starts(choice: Choice, first: date) -> list[datetime]:
    begin, end = times.window(first, month.dates_of(first)[-1], choice.shown_zone)
    found = slots.search(choice.query(), begin, max(end, begin + 1))
    return [times.at(minute) for minute in found.minutes]


def _next_start(choice: Choice) -> datetime | None:
    found = slots.next_from_now(choice.query(), 1).minutes
    return times.at(found[0]) if found else None
