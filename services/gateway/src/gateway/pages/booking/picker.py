"""The picker of the booking page: a month with its days, and the times of the chosen day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from gateway import times
from gateway.backends import slots
from gateway.pages.booking import month
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import context, formats
from gateway.pages.shared.language import reader


def view(choice: Choice) -> dict[str, Any]:
    """Return what the template shows of the picker."""
    zone, locale = choice.zone, reader().locale
    today = context.now().astimezone(zone).date()
    last = _last_date(choice, today)
    first, next_start = _shown_month(choice, today, last)
    starts = _starts(choice, first)
    dates = [start.astimezone(zone).date() for start in starts]
    day = choice.day if choice.day and choice.day.replace(day=1) == first else None
    day = day or next(iter(dates), None)
    shown = [s for s, d in zip(starts, dates, strict=True) if d == day]
    return {
        "month": month.draw(first, starts, day, today, last, zone, locale),
        "weekdays": month.weekdays(locale),
        "date": day,
        "parts": month.parts(shown, zone),
        "next_start": None if starts else (next_start or _next_start(choice)),
        "zones": formats.zone_choices(context.now(), choice.zone_name),
        "zone_words": formats.zone_label(_naming_instant(choice, shown), zone),
        "asked": {
            "month": choice.asked.get("month", ""),
            "date": choice.asked.get("date", ""),
        },
        "last": last,
        "today": today,
    }


def _shown_month(choice: Choice, today: date, last: date | None) -> tuple[date, datetime | None]:
    """Return the first date of the month to show, and the first free time if that decided it.

    The month asked for comes first, else that of the first free time is shown.
    """
    present = today.replace(day=1)
    if choice.start:
        return choice.start.astimezone(choice.zone).date().replace(day=1), None
    if choice.month:
        latest = last.replace(day=1) if last else choice.month
        return max(present, min(choice.month, latest)), None
    start = _next_start(choice)
    return (start.astimezone(choice.zone).date().replace(day=1) if start else present), start


def _last_date(choice: Choice, today: date) -> date | None:
    days = choice.policies.maximum_advance_days
    return today + timedelta(days=days) if days else None


def _starts(choice: Choice, first: date) -> list[datetime]:
    begin, end = times.window(first, month.dates_of(first)[-1], choice.zone)
    found = slots.search(choice.query(), begin, max(end, begin + 1))
    return [times.at(minute) for minute in found.minutes]


def _next_start(choice: Choice) -> datetime | None:
    found = slots.next_from_now(choice.query(), 1).minutes
    return times.at(found[0]) if found else None


def _naming_instant(choice: Choice, shown: Sequence[datetime]) -> datetime:
    """Return the instant at which to name the zone, whose offset changes over the year."""
    return choice.start or next(iter(shown), context.now())
