"""Slot search."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from attune.common.v1 import types_pb2 as types
from common import zones
from common.clock import Clock
from common.errors import Invalid
from common.validation import RangeReversed
from gateway import times, words
from gateway.api import tags
from gateway.backends import providers
from gateway.backends import slots as backend
from gateway.backends.slots import Query, Starts
from gateway.openapi.operation import Operations
from gateway.schemas import slots as schemas

MOST_DATES = 92
_DEFAULT_DATES = 7
slots = Operations("slots", tags.PROVIDERS)


class RangeTooLong(Invalid):
    """A search can cover at most 92 dates."""


@slots.operation(
    "GET",
    "/providers/<username>/slots",
    schemas.Slots,
    query=schemas.SlotsQuery,
    cached=True,
    errors=(404, 422),
)
def list_slots(username: str, query: schemas.SlotsQuery) -> dict[str, object]:
    """List open slots by date

    Returns every date from `from` to `to` in the time zone `tz`, both included, with the slots that
    start on that date.
    """
    tz = _zone(username, query.tz)
    first = query.from_ or times.today(_now(), tz)
    last = query.to or first + timedelta(days=_DEFAULT_DATES - 1)
    _check_range(username, first, last)
    found = _search(_query(username, query), first, last, tz)
    listed = times.days(found.minutes, found.duration_minutes, first, last, tz)
    # Plain values: a model for each slot would cost more than the search.
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "days": [{"date": day.date, "slots": day.slots} for day in listed],
    }


@slots.operation(
    "GET",
    "/providers/<username>/slots/next",
    schemas.NextSlots,
    query=schemas.NextSlotsQuery,
    cached=True,
    errors=(404, 422),
)
def list_next_slots(username: str, query: schemas.NextSlotsQuery) -> dict[str, object]:
    """List the next open slots

    Returns the first open slots from now on, across days.
    """
    tz = _zone(username, query.tz)
    found = backend.next_from_now(_query(username, query), query.count)
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "slots": times.slots(found.minutes, found.duration_minutes, tz),
    }


@slots.operation(
    "GET",
    "/providers/<username>/days",
    schemas.Days,
    query=schemas.DaysQuery,
    cached=True,
    errors=(404, 422),
)
def list_days(username: str, query: schemas.DaysQuery) -> dict[str, object]:
    """Count open slots by day

    Returns every date of a month with its number of open slots, for example for a calendar.
    """
    tz = _zone(username, query.tz)
    today = times.today(_now(), tz)
    year, month = map(int, query.month.split("-")) if query.month else (today.year, today.month)
    first, last = times.month(year, month)
    found = _search(_query(username, query), first, last, tz)
    counted = times.counts(found.minutes, first, last, tz)
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "days": [{"date": day, "slots": count} for day, count in counted.items()],
    }


def _query(
    username: str, query: schemas.SlotsQuery | schemas.NextSlotsQuery | schemas.DaysQuery
) -> Query:
    mode = words.value(types.Mode, query.mode)
    return Query(username, query.service, mode, query.revision or "")


def _search(query: Query, first: date, last: date, tz: ZoneInfo) -> Starts:
    begin, end = times.window(first, last, tz)
    # No slot starts on dates that the zone skipped; search wants a minute at least.
    return backend.search(query, begin, max(end, begin + 1))


def _zone(username: str, tz: str | None) -> ZoneInfo:
    """Return the viewer's zone, else the provider's."""
    return zones.zone(tz or providers.profile(username).provider.timezone)


def _check_range(username: str, first: date, last: date) -> None:
    """Raise RangeReversed or RangeTooLong; NotFound if there is no such provider."""
    if first <= last < first + timedelta(days=MOST_DATES):
        return
    providers.profile(username)
    raise (RangeReversed if last < first else RangeTooLong)(field="to")


def _now() -> datetime:
    clock: Clock = current_app.extensions["clock"]
    return clock.now()
