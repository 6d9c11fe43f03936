"""Weekly hours and overrides."""

import grpc

from attune.availability.v1.hours_service_pb2 import (
    CreateOverrideRequest,
    CreateOverrideResponse,
    DeleteOverrideRequest,
    DeleteOverrideResponse,
    GetWeeklyHoursRequest,
    GetWeeklyHoursResponse,
    ListOverridesRequest,
    ListOverridesResponse,
    ReplaceWeeklyHoursRequest,
    ReplaceWeeklyHoursResponse,
)
from attune.availability.v1.hours_service_pb2_grpc import HoursServiceServicer
from availability import messages
from availability.actions import hours, overrides
from availability.actions.setup import practice_of, revision
from availability.search.cache import Cache
from availability.servicer.requests import claim
from availability.store import physical_rooms, providers
from common import ids, validation
from common.clock import Clock
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class HoursServicer(HoursServiceServicer):
    """The RPCs about hours."""

    def __init__(self, database: Database, cache: Cache, clock: Clock) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock

    @allow("hours:read")
    def GetWeeklyHours(
        self, request: GetWeeklyHoursRequest, context: grpc.ServicerContext
    ) -> GetWeeklyHoursResponse:
        """Return a provider's week."""
        practice_id = practice_of(caller())
        with self._database.transaction(practice_id) as session:
            provider = providers.by_username(session, request.username)
            rooms = physical_rooms.of_practice(session, practice_id)
            return GetWeeklyHoursResponse(hours=messages.weekly_hours(provider, rooms))

    @allow("hours:change")
    def ReplaceWeeklyHours(
        self, request: ReplaceWeeklyHoursRequest, context: grpc.ServicerContext
    ) -> ReplaceWeeklyHoursResponse:
        """Replace a provider's week (spec AV-1, AV-2). STALE if it is based on an older version
        than the stored one (spec AV-4)."""
        actor, wanted = caller(), request.hours
        practice_id = practice_of(actor)
        with self._database.transaction(practice_id) as session:
            _, request_claim = claim(session, actor, request, ReplaceWeeklyHoursResponse)
            if request_claim.earlier:
                return request_claim.earlier
            rooms = physical_rooms.of_practice(session, practice_id)
            blocks = messages.parse_blocks(wanted.blocks, rooms)
            provider = hours.replace(
                session, actor, self._cache, request.username, blocks, wanted.version
            )
            return request_claim.answer(
                ReplaceWeeklyHoursResponse(
                    hours=messages.weekly_hours(provider, rooms),
                    booking_ids_outside=hours.bookings_outside(
                        session, provider, self._clock.now()
                    ),
                    revision=revision(provider),
                )
            )

    @allow("hours:read")
    def ListOverrides(
        self, request: ListOverridesRequest, context: grpc.ServicerContext
    ) -> ListOverridesResponse:
        """Return a provider's overrides from a date on."""
        practice_id, text = practice_of(caller()), request.from_date
        since = validation.day(text, "from_date") if text else None
        with self._database.transaction(practice_id) as session:
            found = overrides.of_provider(session, request.username, since, self._clock.now())
            rooms = physical_rooms.of_practice(session, practice_id)
            return ListOverridesResponse(
                overrides=[messages.override(each, rooms) for each in found]
            )

    @allow("hours:change")
    def CreateOverride(
        self, request: CreateOverrideRequest, context: grpc.ServicerContext
    ) -> CreateOverrideResponse:
        """Give one date other hours (spec AV-6), in place of any earlier override of the date."""
        actor, wanted = caller(), request.override
        day = validation.day(wanted.date, "override.date")
        with self._database.transaction(practice_of(actor)) as session:
            practice, request_claim = claim(session, actor, request, CreateOverrideResponse)
            if request_claim.earlier:
                return request_claim.earlier
            rooms = physical_rooms.of_practice(session, practice.practice_id)
            blocks = messages.parse_blocks(wanted.blocks, rooms)
            override, provider = overrides.create(
                session, actor, self._cache, practice, request.username, day, blocks
            )
            return request_claim.answer(
                CreateOverrideResponse(
                    override=messages.override(override, rooms),
                    booking_ids_outside=hours.bookings_outside(
                        session, provider, self._clock.now()
                    ),
                    revision=revision(provider),
                )
            )

    @allow("hours:change")
    def DeleteOverride(
        self, request: DeleteOverrideRequest, context: grpc.ServicerContext
    ) -> DeleteOverrideResponse:
        """Return a date to the weekly hours."""
        actor, override_id = caller(), ids.find(request.override_id)
        with self._database.transaction(practice_of(actor)) as session:
            _, request_claim = claim(session, actor, request, DeleteOverrideResponse)
            if request_claim.earlier:
                return request_claim.earlier
            provider = overrides.delete(session, actor, self._cache, request.username, override_id)
            return request_claim.answer(DeleteOverrideResponse(revision=revision(provider)))
