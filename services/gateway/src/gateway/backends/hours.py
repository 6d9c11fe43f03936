"""Weekly hours and overrides, in availability."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from attune.availability.v1 import hours_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import Override, WeeklyBlock, WeeklyHours
from gateway.backends.stubs import stubs


class SavedWeek(NamedTuple):
    """A week as saved, and the bookings that are now outside the hours."""

    hours: WeeklyHours
    revision: str
    booking_ids_outside: Sequence[str]


class SavedOverride(NamedTuple):
    """An override as saved, and the bookings that are now outside the hours."""

    override: Override
    revision: str
    booking_ids_outside: Sequence[str]


def week(username: str) -> WeeklyHours:
    """Return a provider's weekly hours. Raises NotFound."""
    return stubs().hours.GetWeeklyHours(rpc.GetWeeklyHoursRequest(username=username)).hours


def replace_week(username: str, blocks: Sequence[WeeklyBlock], *, version: int) -> SavedWeek:
    """Replace a provider's weekly hours. Raises Stale if they have another version by now."""
    request = rpc.ReplaceWeeklyHoursRequest(
        username=username, hours=WeeklyHours(blocks=blocks, version=version)
    )
    saved = stubs().hours.ReplaceWeeklyHours(request)
    return SavedWeek(saved.hours, saved.revision, saved.booking_ids_outside)


def overrides(username: str, first: date | None) -> Sequence[Override]:
    """Return a provider's overrides from `first` on; from today on for None."""
    request = rpc.ListOverridesRequest(
        username=username, from_date=first.isoformat() if first else ""
    )
    return stubs().hours.ListOverrides(request).overrides


def create_override(
    username: str, day: date, blocks: Sequence[WeeklyBlock], *, request_id: str
) -> SavedOverride:
    """Save the hours of one date, which replace an earlier override of that date."""
    request = rpc.CreateOverrideRequest(
        request_id=request_id,
        username=username,
        override=Override(date=day.isoformat(), blocks=blocks),
    )
    saved = stubs().hours.CreateOverride(request)
    return SavedOverride(saved.override, saved.revision, saved.booking_ids_outside)


def delete_override(username: str, override_id: str) -> None:
    """Delete an override. Raises NotFound."""
    request = rpc.DeleteOverrideRequest(username=username, override_id=override_id)
    stubs().hours.DeleteOverride(request)
