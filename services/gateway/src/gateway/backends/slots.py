"""Slot search, in availability."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from attune.availability.v1 import slot_service_pb2 as rpc
from attune.common.v1 import types_pb2 as types
from common import proto
from common.errors import DomainError
from gateway.backends.stubs import stubs

ALTERNATIVES = 6
"""The number of free starts that are suggested for one that was taken."""


class Query(NamedTuple):
    """The service type and mode of a provider that a search is for."""

    username: str
    service: str
    mode: types.Mode.ValueType
    revision: str = ""
    """The answer reflects at least this revision (spec SL-8)."""


class Starts(NamedTuple):
    """Free starts in minutes since 1970-01-01T00:00Z, and the length of a session in minutes."""

    minutes: Sequence[int]
    duration_minutes: int = 0
    revision: str = ""


def search(query: Query, first_minute: int, end_minute: int) -> Starts:
    """Return the free starts in `[first_minute, end_minute)`, ascending."""
    found = stubs().slots.SearchSlots(
        rpc.SearchSlotsRequest(
            username=query.username,
            service=query.service,
            mode=query.mode,
            first_minute=first_minute,
            end_minute=end_minute,
            revision=query.revision,
        )
    )
    return Starts(found.start_minutes, found.duration_minutes, found.revision)


def next_from_now(query: Query, count: int) -> Starts:
    """Return the first `count` free starts from now on."""
    found = stubs().slots.ListNextSlots(
        rpc.ListNextSlotsRequest(
            username=query.username,
            service=query.service,
            mode=query.mode,
            count=count,
            revision=query.revision,
        )
    )
    return Starts(found.start_minutes, found.duration_minutes, found.revision)


def alternatives(query: Query, start: datetime) -> Starts:
    """Return the free starts nearest to one that was taken (spec BK-2).

    There are none while availability cannot answer: the failure at hand matters more.
    """
    try:
        found = stubs().slots.ListNearestSlots(
            rpc.ListNearestSlotsRequest(
                username=query.username,
                service=query.service,
                mode=query.mode,
                start_time=proto.timestamp(start),
                count=ALTERNATIVES,
                revision=query.revision,
            )
        )
    except DomainError:
        return Starts(())
    return Starts(found.start_minutes, found.duration_minutes, found.revision)
