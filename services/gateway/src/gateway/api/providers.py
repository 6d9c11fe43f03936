"""What anybody may see of a provider: the profile and the free slots."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from attune.availability.v1.provider_service_pb2 import GetProfileRequest, GetProfileResponse
from attune.availability.v1.slot_service_pb2 import (
    ListNearestSlotsRequest,
    ListNearestSlotsResponse,
    ListNextSlotsRequest,
    ListNextSlotsResponse,
    SearchSlotsRequest,
    SearchSlotsResponse,
)
from attune.common.v1 import types_pb2 as types
from common import zones
from common.clock import Clock
from common.errors import Invalid
from common.validation import RangeReversed
from gateway import money, names, times
from gateway.api.operation import Operations
from gateway.backends import backends
from gateway.schemas import slots as schemas

MOST_DATES = 92
_DEFAULT_DATES = 7
providers = Operations("providers", "What anybody may see of a provider, and free slots.")


class RangeTooLong(Invalid):
    """A search covers at most 92 dates."""


@dataclass(frozen=True)
class Wanted:
    """What is searched for."""

    username: str
    service: str
    mode: types.Mode.ValueType
    revision: str = ""


def profile(username: str) -> GetProfileResponse:
    """What anybody may know of a provider; raises NotFound."""
    return backends().providers.GetProfile(GetProfileRequest(username=username))


def search(wanted: Wanted, first: date, last: date, tz: ZoneInfo) -> SearchSlotsResponse:
    """The free starts on the dates from `first` to `last` in the zone, both included."""
    begin, end = times.window(first, last, tz)
    end = max(end, begin + 1)  # dates that the zone skipped: no slot starts on them
    return backends().slots.SearchSlots(
        SearchSlotsRequest(
            username=wanted.username,
            service=wanted.service,
            mode=wanted.mode,
            first_minute=begin,
            end_minute=end,
            revision=wanted.revision,
        )
    )


def search_next(wanted: Wanted, count: int) -> ListNextSlotsResponse:
    """The first free starts from now on."""
    return backends().slots.ListNextSlots(
        ListNextSlotsRequest(
            username=wanted.username,
            service=wanted.service,
            mode=wanted.mode,
            count=count,
            revision=wanted.revision,
        )
    )


def search_nearest(wanted: Wanted, start: datetime, count: int) -> ListNearestSlotsResponse:
    """The free starts nearest to an instant."""
    return backends().slots.ListNearestSlots(
        ListNearestSlotsRequest(
            username=wanted.username,
            service=wanted.service,
            mode=wanted.mode,
            start_time=times.stamp(start),
            count=count,
            revision=wanted.revision,
        )
    )


@providers.operation("GET", "/providers/<username>", schemas.Profile, cached=True, errors=(404,))
def get_provider(username: str) -> schemas.Profile:
    """A provider's profile

    Name, zone, practice, and the service types that clients can book themselves.
    """
    found = profile(username)
    return schemas.Profile(
        username=found.provider.username,
        name=found.provider.display_name,
        timezone=found.provider.timezone,
        practice=schemas.PracticeName(
            name=found.practice.name,
            timezone=found.practice.timezone,
            address=found.practice.address,
        ),
        services=[
            schemas.ServiceOffered(
                service=offered.slug,
                title=offered.title,
                description=offered.description,
                modes=[names.MODES.word(mode) for mode in offered.modes],
                duration_minutes=offered.duration_minutes,
                price=money.amount(offered, "price"),
            )
            for offered in found.service_types
        ],
    )


@providers.operation(
    "GET",
    "/providers/<username>/slots",
    schemas.Slots,
    query=schemas.SlotsQuery,
    cached=True,
    errors=(404, 422),
)
def list_slots(username: str, query: schemas.SlotsQuery) -> dict[str, object]:
    """Free slots by date

    Every date from `from` to `to` in `tz`, both included, with the slots that start on it.
    """
    tz = _zone(username, query.tz)
    first = query.from_ or times.today(_now(), tz)
    last = query.to or first + timedelta(days=_DEFAULT_DATES - 1)
    _check_range(username, first, last)
    found = search(_wanted(username, query), first, last, tz)
    listed = times.days(found.start_minutes, found.duration_minutes, first, last, tz)
    # As plain values: making a model of each slot would cost more than the search.
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "days": [{"date": day.date, "slots": day.slots} for day in listed],
    }


@providers.operation(
    "GET",
    "/providers/<username>/slots/next",
    schemas.NextSlots,
    query=schemas.NextSlotsQuery,
    cached=True,
    errors=(404, 422),
)
def list_next_slots(username: str, query: schemas.NextSlotsQuery) -> dict[str, object]:
    """The first free slots from now on"""
    tz = _zone(username, query.tz)
    found = search_next(_wanted(username, query), query.count)
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "slots": times.slots(found.start_minutes, found.duration_minutes, tz),
    }


@providers.operation(
    "GET",
    "/providers/<username>/days",
    schemas.Days,
    query=schemas.DaysQuery,
    cached=True,
    errors=(404, 422),
)
def list_days(username: str, query: schemas.DaysQuery) -> dict[str, object]:
    """The dates of a month with the number of their free slots"""
    tz = _zone(username, query.tz)
    today = times.today(_now(), tz)
    year, month = map(int, query.month.split("-")) if query.month else (today.year, today.month)
    first, last = times.month(year, month)
    found = search(_wanted(username, query), first, last, tz)
    counted = times.counts(found.start_minutes, first, last, tz)
    return {
        "timezone": tz.key,
        "revision": found.revision,
        "days": [{"date": day, "slots": count} for day, count in counted.items()],
    }


def _wanted(
    username: str, query: schemas.SlotsQuery | schemas.NextSlotsQuery | schemas.DaysQuery
) -> Wanted:
    mode = names.MODES.number(query.mode)
    return Wanted(username, query.service, mode, query.revision or "")


def _zone(username: str, tz: str | None) -> ZoneInfo:
    """The viewer's zone, else the provider's."""
    return zones.zone(tz or profile(username).provider.timezone)


def _check_range(username: str, first: date, last: date) -> None:
    """Raises RangeReversed or RangeTooLong; but NotFound where there is no such provider."""
    if first <= last < first + timedelta(days=MOST_DATES):
        return
    profile(username)
    raise (RangeReversed if last < first else RangeTooLong)(field="to")


def _now() -> datetime:
    clock: Clock = current_app.extensions["clock"]
    return clock.now()
