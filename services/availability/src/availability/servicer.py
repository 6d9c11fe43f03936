"""The RPCs of availability."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy.orm import Session

from attune.availability.v1 import availability_pb2
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
from attune.availability.v1.hours_service_pb2_grpc import (
    HoursServiceServicer,
    add_HoursServiceServicer_to_server,
)
from attune.availability.v1.physical_room_service_pb2 import (
    CreatePhysicalRoomRequest,
    CreatePhysicalRoomResponse,
    ListPhysicalRoomsRequest,
    ListPhysicalRoomsResponse,
)
from attune.availability.v1.physical_room_service_pb2_grpc import (
    PhysicalRoomServiceServicer,
    add_PhysicalRoomServiceServicer_to_server,
)
from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesRequest,
    GetPoliciesResponse,
    ReplacePoliciesRequest,
    ReplacePoliciesResponse,
)
from attune.availability.v1.policy_service_pb2_grpc import (
    PolicyServiceServicer,
    add_PolicyServiceServicer_to_server,
)
from attune.availability.v1.practice_service_pb2 import (
    CreatePracticeRequest,
    CreatePracticeResponse,
)
from attune.availability.v1.practice_service_pb2_grpc import (
    PracticeServiceServicer,
    add_PracticeServiceServicer_to_server,
)
from attune.availability.v1.provider_service_pb2 import (
    CreateProviderRequest,
    CreateProviderResponse,
    GetProfileRequest,
    GetProfileResponse,
    GetProviderRequest,
    GetProviderResponse,
    ListProvidersRequest,
    ListProvidersResponse,
)
from attune.availability.v1.provider_service_pb2_grpc import (
    ProviderServiceServicer,
    add_ProviderServiceServicer_to_server,
)
from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
    CreateServiceTypeResponse,
    DeleteServiceTypeRequest,
    DeleteServiceTypeResponse,
    ListServiceTypesRequest,
    ListServiceTypesResponse,
    UpdateServiceTypeRequest,
    UpdateServiceTypeResponse,
)
from attune.availability.v1.service_type_service_pb2_grpc import (
    ServiceTypeServiceServicer,
    add_ServiceTypeServiceServicer_to_server,
)
from attune.availability.v1.slot_service_pb2 import (
    CheckSlotRequest,
    CheckSlotResponse,
    ListNearestSlotsRequest,
    ListNearestSlotsResponse,
    ListNextSlotsRequest,
    ListNextSlotsResponse,
    SearchSlotsRequest,
    SearchSlotsResponse,
)
from attune.availability.v1.slot_service_pb2_grpc import (
    SlotServiceServicer,
    add_SlotServiceServicer_to_server,
)
from availability import changes, messages, offers
from availability.domain import inputs, policies, service_types
from availability.domain.hours import Override, validate_override, validate_week
from availability.domain.rules import Rule, judge, offered_window
from availability.domain.wallclock import DAY, Span
from availability.state import State
from availability.store import setup
from availability.store import tables as rows
from availability.warm import Offer
from common import audit, ids
from common.clock import Clock
from common.db import idempotency
from common.db.database import Database
from common.errors import Conflict, Refused, Stale
from common.rpc.access import allow
from common.rpc.identity import Identity, caller
from common.rpc.server import Servicers
from common.zones import zone

_MOST_STARTS = 50
_FURTHEST = 3660 * DAY  # how far the next slots are looked for where the advance is unlimited
_NONE = memoryview(b"")
_NEAR = 30 * DAY  # on either side of a lost start

Response = TypeVar("Response", bound=Message)


class UsernameTaken(Conflict):
    """A provider of that username is there already."""


class AvailabilityServicer(
    SlotServiceServicer,
    ProviderServiceServicer,
    PracticeServiceServicer,
    HoursServiceServicer,
    PhysicalRoomServiceServicer,
    ServiceTypeServiceServicer,
    PolicyServiceServicer,
):
    """Search from memory; set-up in the database."""

    def __init__(self, database: Database, state: State, clock: Clock) -> None:
        self._database = database
        self._state = state
        self._clock = clock

    # Searching

    @allow("slots:search")
    def SearchSlots(
        self, request: SearchSlotsRequest, context: grpc.ServicerContext
    ) -> SearchSlotsResponse:
        """The bookable starts in a range (spec SL-1 to SL-3, SL-8 to SL-10)."""
        first, end = request.first_minute, request.end_minute
        offers.check_range(first, end)
        warm = self._state.get(request.username, request.revision)
        offer = offers.offer(warm, request.service, request.mode, request.client_status)
        revision = warm.revision  # before the starts: they are at least as new
        starts = _NONE
        if not offer.failed:
            window = offered_window(offer.facts, self._clock.now())
            first, end = max(first, window.start), min(end, window.end)
            starts = warm.timetable.starts(offer.shape, first, end)
        return messages.found(starts, revision, offer.shape.duration)

    @allow("slots:search")
    def ListNextSlots(
        self, request: ListNextSlotsRequest, context: grpc.ServicerContext
    ) -> ListNextSlotsResponse:
        """The first bookable starts from now on (spec SL-4)."""
        count = inputs.number(request.count, "count", 1, _MOST_STARTS)
        warm = self._state.get(request.username, request.revision)
        offer = offers.offer(warm, request.service, request.mode, request.client_status)
        revision = warm.revision
        window = self._window(offer)
        return ListNextSlotsResponse(
            start_minutes=warm.timetable.first_starts(offer.shape, *window, count),
            revision=revision,
            duration_minutes=offer.shape.duration,
        )

    @allow("slots:search")
    def ListNearestSlots(
        self, request: ListNearestSlotsRequest, context: grpc.ServicerContext
    ) -> ListNearestSlotsResponse:
        """The bookable starts nearest to an instant (spec BK-2)."""
        count = inputs.number(request.count, "count", 1, _MOST_STARTS)
        around, _ = inputs.minute(request.start_time, "start_time")
        warm = self._state.get(request.username, request.revision)
        offer = offers.offer(warm, request.service, request.mode, request.client_status)
        revision = warm.revision
        window = self._window(offer)
        near = max(window.start, around - _NEAR), min(window.end, around + _NEAR)
        return ListNearestSlotsResponse(
            start_minutes=warm.timetable.nearest_starts(offer.shape, around, *near, count),
            revision=revision,
            duration_minutes=offer.shape.duration,
        )

    def _window(self, offer: Offer) -> Span:
        """Where starts are looked for that no search bounds."""
        if offer.failed:
            return Span(0, 0)
        window = offered_window(offer.facts, self._clock.now())
        return Span(window.start, min(window.end, window.start + _FURTHEST))

    @allow("slots:check")
    def CheckSlot(
        self, request: CheckSlotRequest, context: grpc.ServicerContext
    ) -> CheckSlotResponse:
        """Every rule but taken time; the terms that hold now (spec BK-6, SL-7)."""
        start, exact = inputs.minute(request.start_time, "start_time")
        warm = self._state.set_up(request.username)
        offer = warm.offer(request.service, request.mode, request.client_status)
        standing = warm.timetable.standing(offer.shape, start)
        for verdict in judge(offer.facts, standing, self._clock.now(), start):
            if not verdict.passed and verdict.rule is not Rule.TAKEN:
                raise offers.refused(verdict)
        if not exact:
            raise Refused("Starts are whole minutes.", reason="OFF_GRID", field="start_time")
        terms = warm.terms(request.service, offer.shape.mode, standing.room)
        return CheckSlotResponse(terms=terms)

    @allow("slots:search")
    def GetProfile(
        self, request: GetProfileRequest, context: grpc.ServicerContext
    ) -> GetProfileResponse:
        """What anybody may know of a provider."""
        return self._state.set_up(request.username).profile()

    # Providers and practices

    @allow("providers:read")
    def GetProvider(
        self, request: GetProviderRequest, context: grpc.ServicerContext
    ) -> GetProviderResponse:
        """A provider by id, with its practice; the e-mail for those who may see it."""
        who = caller()
        with self._database.transaction(changes.practice_id()) as session:
            row = setup.provider(session, ids.find(request.provider_id))
            practice = setup.practice(session, row.practice_id)
            audit.record(session, "provider.read", provider=row.id)
            return GetProviderResponse(
                provider=_provider(row, practice, who), practice=_practice(practice)
            )

    @allow("providers:read")
    def ListProviders(
        self, request: ListProvidersRequest, context: grpc.ServicerContext
    ) -> ListProvidersResponse:
        """The practice's providers, by username."""
        who, size = caller(), inputs.page_size(request.page_size)
        after = inputs.page_start(request.page_token)
        with self._database.transaction(changes.practice_id()) as session:
            found = setup.providers(session, changes.practice_id(), after, size + 1)
            practice = setup.practice(session, changes.practice_id())
            listed = [_provider(row, practice, who) for row in found[:size]]
            audit.record(session, "provider.list", provider=[row.id for row in found[:size]])
        more = len(found) > size
        return ListProvidersResponse(
            providers=listed,
            next_page_token=inputs.page_token(listed[-1].username) if more else "",
        )

    @allow("practices:create")
    def CreatePractice(
        self, request: CreatePracticeRequest, context: grpc.ServicerContext
    ) -> CreatePracticeResponse:
        """A new practice, under the product's default policies where it sets none."""
        wanted = request.practice
        zone(wanted.timezone, "practice.timezone")
        policies.validate(wanted.policies, "practice.policies")
        row = rows.Practice(
            practice_id=ids.new(),
            name=inputs.line(wanted.name, "practice.name"),
            timezone=wanted.timezone,
            currency_code=inputs.currency(wanted.currency_code, "practice.currency_code"),
            address=inputs.optional_line(wanted.address, "practice.address"),
            policies=messages.stored_policies(wanted.policies),
            policies_version=1,
            changes=1,
            setup_version=1,
        )
        with self._database.transaction(row.practice_id) as session:

            def create() -> CreatePracticeResponse:
                session.add(row)
                session.flush()
                audit.record(session, "practice.create", practice=row.practice_id)
                return CreatePracticeResponse(practice=_practice(row))

            return idempotency.once(
                session, "CreatePractice", request, CreatePracticeResponse, create
            )

    @allow("providers:create")
    def CreateProvider(
        self, request: CreateProviderRequest, context: grpc.ServicerContext
    ) -> CreateProviderResponse:
        """A new provider of the caller's practice, without hours. USERNAME_TAKEN."""
        wanted = request.provider
        zone(wanted.timezone, "provider.timezone")
        policies.validate(wanted.policies, "provider.policies")
        username = inputs.slug(wanted.username, "provider.username")
        display_name = inputs.line(wanted.display_name, "provider.display_name")
        email = inputs.email(wanted.email, "provider.email")

        def create(session: Session, practice: rows.Practice) -> CreateProviderResponse:
            row = rows.Provider(
                id=ids.new(),
                practice_id=practice.practice_id,
                username=username,
                display_name=display_name,
                timezone=wanted.timezone,
                policies=messages.stored_policies(wanted.policies),
                policies_version=1,
                blocks=[],
                hours_version=1,
                setup_version=practice.changes,
            )
            row.email = email
            if not setup.add_provider(session, row):
                raise UsernameTaken(field="provider.username")
            audit.record(session, "provider.create", provider=row.id)
            return CreateProviderResponse(provider=_provider(row, practice, caller()))

        def show_again(session: Session, answer: CreateProviderResponse) -> None:
            audit.record(session, "provider.read", provider=answer.provider.provider_id)

        return self._create(request, CreateProviderResponse, create, show_again)

    # Hours

    @allow("hours:read")
    def GetWeeklyHours(
        self, request: GetWeeklyHoursRequest, context: grpc.ServicerContext
    ) -> GetWeeklyHoursResponse:
        """A provider's week."""
        with self._database.transaction(changes.practice_id()) as session:
            row = setup.provider_named(session, request.username)
            return GetWeeklyHoursResponse(hours=_hours(session, row))

    @allow("hours:change")
    def ReplaceWeeklyHours(
        self, request: ReplaceWeeklyHoursRequest, context: grpc.ServicerContext
    ) -> ReplaceWeeklyHoursResponse:
        """Replaces the week (spec AV-1, AV-2); a version older than the stored one is STALE
        (spec AV-4)."""
        with self._database.transaction(changes.practice_id()) as session:
            practice, row = changes.locked_provider(session, request.username)
            blocks = messages.week(request.hours.blocks, _room_numbers(session))
            validate_week(blocks)
            # Nobody can have seen the week of a new provider: there is no version to name.
            if (request.hours.version or 1) != row.hours_version:
                raise Stale(field="hours.version")
            row.blocks = messages.stored_blocks(blocks)
            row.hours_version += 1
            changes.provider_changed(session, practice, row)
            audit.record(session, "hours.replace", provider=row.id)
            answer = ReplaceWeeklyHoursResponse(
                hours=_hours(session, row),
                booking_ids_outside=changes.bookings_outside(session, row, self._clock.now()),
            )
        answer.revision = self._changed(practice, row)
        return answer

    @allow("hours:read")
    def ListOverrides(
        self, request: ListOverridesRequest, context: grpc.ServicerContext
    ) -> ListOverridesResponse:
        """A provider's overrides from a date on."""
        with self._database.transaction(changes.practice_id()) as session:
            row = setup.provider_named(session, request.username)
            today = self._clock.now().astimezone(zone(row.timezone)).date()
            since = inputs.day(request.from_date, "from_date") if request.from_date else today
            rooms = _room_ids(session)
            return ListOverridesResponse(
                overrides=[_override(o, rooms) for o in setup.overrides(session, row.id, since)]
            )

    @allow("hours:change")
    def CreateOverride(
        self, request: CreateOverrideRequest, context: grpc.ServicerContext
    ) -> CreateOverrideResponse:
        """Hours of one date (spec AV-6), instead of any earlier override of it."""
        day = inputs.day(request.override.date, "override.date")
        changed: list[tuple[rows.Practice, rows.Provider]] = []

        def create(session: Session, _: rows.Practice) -> CreateOverrideResponse:
            practice, row = changes.locked_provider(session, request.username)
            blocks = messages.week(request.override.blocks, _room_numbers(session))
            validate_override(Override(day, tuple(blocks)))
            override = rows.Override(
                id=ids.new(),
                practice_id=row.practice_id,
                provider_id=row.id,
                date=day,
                blocks=messages.stored_blocks(blocks),
            )
            setup.put_override(session, override)
            changes.provider_changed(session, practice, row)
            audit.record(session, "override.create", provider=row.id, override=override.id)
            changed.append((practice, row))
            return CreateOverrideResponse(
                override=_override(override, _room_ids(session)),
                booking_ids_outside=changes.bookings_outside(session, row, self._clock.now()),
                revision=changes.revision(row),
            )

        answer = self._create(request, CreateOverrideResponse, create)
        for practice, row in changed:
            self._changed(practice, row)
        return answer

    @allow("hours:change")
    def DeleteOverride(
        self, request: DeleteOverrideRequest, context: grpc.ServicerContext
    ) -> DeleteOverrideResponse:
        """Back to the weekly hours on that date."""
        with self._database.transaction(changes.practice_id()) as session:
            practice, row = changes.locked_provider(session, request.username)
            override_id = ids.find(request.override_id)
            setup.remove_override(session, row.id, override_id)
            changes.provider_changed(session, practice, row)
            audit.record(session, "override.delete", provider=row.id, override=override_id)
        return DeleteOverrideResponse(revision=self._changed(practice, row))

    # Rooms

    @allow("physical_rooms:read")
    def ListPhysicalRooms(
        self, request: ListPhysicalRoomsRequest, context: grpc.ServicerContext
    ) -> ListPhysicalRoomsResponse:
        """The practice's physical rooms, by name."""
        with self._database.transaction(changes.practice_id()) as session:
            found = [messages.room(row) for row in setup.rooms(session, changes.practice_id())]
        return ListPhysicalRoomsResponse(physical_rooms=found)

    @allow("physical_rooms:change")
    def CreatePhysicalRoom(
        self, request: CreatePhysicalRoomRequest, context: grpc.ServicerContext
    ) -> CreatePhysicalRoomResponse:
        """A new physical room."""
        name = inputs.line(request.physical_room.name, "physical_room.name")
        address = inputs.optional_line(request.physical_room.address, "physical_room.address")

        def create(session: Session, practice: rows.Practice) -> CreatePhysicalRoomResponse:
            row = rows.PhysicalRoom(
                id=ids.new(), practice_id=practice.practice_id, name=name, address=address
            )
            session.add(row)
            session.flush()
            audit.record(session, "physical_room.create", physical_room=row.id)
            return CreatePhysicalRoomResponse(physical_room=messages.room(row))

        return self._create(request, CreatePhysicalRoomResponse, create)

    # Service types

    @allow("service_types:read")
    def ListServiceTypes(
        self, request: ListServiceTypesRequest, context: grpc.ServicerContext
    ) -> ListServiceTypesResponse:
        """The practice's service types, by slug."""
        with self._database.transaction(changes.practice_id()) as session:
            practice = setup.practice(session, changes.practice_id())
            found = [
                messages.service_type(row, practice.currency_code)
                for row in setup.service_types(session, practice.practice_id)
            ]
        return ListServiceTypesResponse(service_types=found)

    @allow("service_types:change")
    def CreateServiceType(
        self, request: CreateServiceTypeRequest, context: grpc.ServicerContext
    ) -> CreateServiceTypeResponse:
        """A new service type (spec AV-11). SLUG_TAKEN, TOO_MANY_ACTIVE_SERVICE_TYPES."""
        changed: list[rows.Practice] = []

        def create(session: Session, practice: rows.Practice) -> CreateServiceTypeResponse:
            wanted = service_types.checked(request.service_type, practice.currency_code)
            row = rows.ServiceType(
                id=ids.new(),
                practice_id=practice.practice_id,
                version=1,
                deleted=False,
                **messages.service_type_columns(wanted),
            )
            changes.check_types(session, wanted, row.id)
            session.add(row)
            changes.practice_changed(session, practice)
            audit.record(session, "service_type.create", service_type=row.id)
            changed.append(practice)
            return CreateServiceTypeResponse(
                service_type=messages.service_type(row, practice.currency_code)
            )

        answer = self._create(request, CreateServiceTypeResponse, create)
        for practice in changed:
            self._changed(practice)
        return answer

    @allow("service_types:change")
    def UpdateServiceType(
        self, request: UpdateServiceTypeRequest, context: grpc.ServicerContext
    ) -> UpdateServiceTypeResponse:
        """Changes the named fields; a version older than the stored one is STALE."""
        with self._database.transaction(changes.practice_id()) as session:
            practice = changes.locked_practice(session)
            row = setup.service_type(session, ids.find(request.service_type.service_type_id))
            if request.service_type.version != row.version:
                raise Stale(field="service_type.version")
            stored = messages.service_type(row, practice.currency_code)
            wanted = service_types.changed(stored, request.service_type, request.update_fields)
            checked = service_types.checked(wanted, practice.currency_code)
            changes.check_types(session, checked, row.id)
            for name, value in messages.service_type_columns(checked).items():
                setattr(row, name, value)
            row.version += 1
            changes.practice_changed(session, practice)
            audit.record(session, "service_type.change", service_type=row.id)
            answer = messages.service_type(row, practice.currency_code)
        self._changed(practice)
        return UpdateServiceTypeResponse(service_type=answer)

    @allow("service_types:change")
    def DeleteServiceType(
        self, request: DeleteServiceTypeRequest, context: grpc.ServicerContext
    ) -> DeleteServiceTypeResponse:
        """Takes it out of use; bookings made keep its terms (spec AV-14)."""
        with self._database.transaction(changes.practice_id()) as session:
            practice = changes.locked_practice(session)
            row = setup.service_type(session, ids.find(request.service_type_id))
            row.deleted = True
            row.active = False
            changes.practice_changed(session, practice)
            audit.record(session, "service_type.delete", service_type=row.id)
        self._changed(practice)
        return DeleteServiceTypeResponse()

    # Policies

    @allow("policies:read")
    def GetPolicies(
        self, request: GetPoliciesRequest, context: grpc.ServicerContext
    ) -> GetPoliciesResponse:
        """Those of the practice, or a provider's own."""
        with self._database.transaction(changes.practice_id()) as session:
            practice = setup.practice(session, changes.practice_id())
            row = setup.provider_named(session, request.username) if request.username else None
            return GetPoliciesResponse(**_policies(practice, row))

    @allow("policies:change")
    def ReplacePolicies(
        self, request: ReplacePoliciesRequest, context: grpc.ServicerContext
    ) -> ReplacePoliciesResponse:
        """Replaces those of the practice (owners and managers), or a provider's own
        (spec AV-15, AV-16). STALE."""
        policies.validate(request.policies)
        with self._database.transaction(changes.practice_id()) as session:
            if request.username:
                practice, provider = changes.locked_provider(session, request.username)
                row: rows.Practice | rows.Provider = provider
            else:
                practice, provider = changes.locked_practice(session), None
                row = practice
                changes.need_whole_practice()
            if request.version != row.policies_version:
                raise Stale(field="version")
            row.policies = messages.stored_policies(request.policies)
            row.policies_version += 1
            if provider:
                changes.provider_changed(session, practice, provider)
                audit.record(session, "policies.replace", provider=provider.id)
            else:
                changes.practice_changed(session, practice)
                audit.record(session, "policies.replace", practice=practice.practice_id)
            answer = ReplacePoliciesResponse(**_policies(practice, provider))
        self._changed(practice, provider)
        return answer

    # Shared

    def _create(
        self,
        request: Message,
        kind: type[Response],
        do: Callable[[Session, rows.Practice], Response],
        repeated: Callable[[Session, Response], None] = lambda _session, _answer: None,
    ) -> Response:
        """Under the practice's lock, once for each request_id."""
        with self._database.transaction(changes.practice_id()) as session:
            practice = changes.locked_practice(session)
            scope = f"{type(request).__name__}:{caller().subject}:{practice.practice_id}"
            return idempotency.once(
                session, scope, request, kind, lambda: do(session, practice), repeated
            )

    def _changed(self, practice: rows.Practice, row: rows.Provider | None = None) -> str:
        """Serve a change that has been committed; returns the revision that shows it."""
        self._state.changed(
            str(practice.practice_id), (row or practice).setup_version, str(row.id) if row else ""
        )
        return changes.revision(row or practice)


def _effective(practice: rows.Practice, row: rows.Provider | None) -> availability_pb2.Policies:
    own = messages.policies(row.policies) if row else availability_pb2.Policies()
    return policies.effective(messages.policies(practice.policies), own)


def _policies(practice: rows.Practice, row: rows.Provider | None) -> dict[str, Any]:
    """A practice's own policies are complete: what it did not set is the product's default."""
    effective = _effective(practice, row)
    return {
        "policies": messages.policies(row.policies) if row else effective,
        "effective_policies": effective,
        "version": (row or practice).policies_version,
    }


def _practice(row: rows.Practice) -> availability_pb2.Practice:
    return messages.practice(row, _effective(row, None))


def _provider(
    row: rows.Provider, practice: rows.Practice, who: Identity
) -> availability_pb2.Provider:
    email = who.sees_whole_practice or who.provider_id == str(row.id)
    return messages.provider(row, _effective(practice, row), email=email)


def _room_numbers(session: Session) -> dict[str, int]:
    return {str(row.id): row.number for row in setup.rooms(session, changes.practice_id())}


def _room_ids(session: Session) -> dict[int, str]:
    return {row.number: str(row.id) for row in setup.rooms(session, changes.practice_id())}


def _hours(session: Session, row: rows.Provider) -> availability_pb2.WeeklyHours:
    blocks = messages.block_messages(row.blocks, _room_ids(session))
    return availability_pb2.WeeklyHours(blocks=blocks, version=row.hours_version)


def _override(row: rows.Override, rooms: dict[int, str]) -> availability_pb2.Override:
    return availability_pb2.Override(
        override_id=str(row.id),
        date=row.date.isoformat(),
        blocks=messages.block_messages(row.blocks, rooms),
    )


def servicers(database: Database, state: State, clock: Clock) -> Servicers:
    """Return the servicers of this service."""
    servicer = AvailabilityServicer(database, state, clock)
    return [
        (add_SlotServiceServicer_to_server, servicer),
        (add_ProviderServiceServicer_to_server, servicer),
        (add_PracticeServiceServicer_to_server, servicer),
        (add_HoursServiceServicer_to_server, servicer),
        (add_PhysicalRoomServiceServicer_to_server, servicer),
        (add_ServiceTypeServiceServicer_to_server, servicer),
        (add_PolicyServiceServicer_to_server, servicer),
    ]
