"""One provider in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.provider_service_pb2 import GetProfileResponse
from attune.booking.v1.booking_pb2 import TakenTime
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1 import types_pb2 as types
from availability import messages
from availability.domain import policies as policy_rules
from availability.domain.hours import Override
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus, Facts, Verdict, judge_offer
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from availability.store.cold import Found
from availability.store.setup import ServiceTypeNotFound
from common.errors import Invalid
from common.zones import zone

_STATUSES = {
    types.CLIENT_STATUS_UNSPECIFIED: ClientStatus.NEW,
    types.CLIENT_STATUS_NEW: ClientStatus.NEW,
    types.CLIENT_STATUS_ACTIVE: ClientStatus.ACTIVE,
    types.CLIENT_STATUS_INACTIVE: ClientStatus.INACTIVE,
}


@dataclass(frozen=True)
class Offer:
    """What decides the slots of a service type in one mode for one kind of client."""

    shape: Shape
    facts: Facts
    failed: tuple[Verdict, ...]
    """The rules that fail for every start."""


@dataclass
class Warm:
    """All that decides a provider's slots. The set-up never changes, it is read anew; what is
    taken does, under the lock of the state that keeps it."""

    found: Found
    """Who it is; what the other fields hold is left out."""
    timetable: Timetable
    policies: pb.Policies
    service_types: dict[str, pb.ServiceType]
    rooms: dict[int, pb.PhysicalRoom]
    revisions: dict[int, int]
    """Of what is taken of the provider and of the rooms, by resource number."""
    setup: int
    as_of: float
    """By `time.monotonic`: it is as of then at least, and of later while events arrive."""
    events: int = 0
    """How many it has taken in."""
    used: bool = True
    """Whether somebody has asked for it since its turn to be forgotten came last."""
    offers: dict[tuple[str, int, int], Offer] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """Names this state, for a later search."""
        return f"{self.revisions[self.found.number]}.{self.setup}"

    def is_at_least(self, revision: int, setup: int) -> bool:
        """Whether it reflects that revision of the provider's taken time and that set-up."""
        return self.revisions[self.found.number] >= revision and self.setup >= setup

    # What is taken

    def apply(self, event: TakenTimeChanged) -> None:
        """Bring it to the event's revision, which comes next."""
        number = event.resource_number
        for each in event.taken:
            self.timetable.take(each.ref, number, *_minutes(each))
        # Last, so that time which passes from a hold to its booking is never seen as free.
        for ref in set(event.released).difference(each.ref for each in event.taken):
            self.timetable.release(ref, number)
        self.revisions[number] = event.revision
        self.events += 1

    def replace_taken(self, number: int, revision: int, taken: Iterable[TakenTime]) -> None:
        """Put booking's own answer in place of what is taken of a resource."""
        if revision >= self.revisions[number]:
            self.timetable.replace_taken(number, {each.ref: _minutes(each) for each in taken})
            self.revisions[number] = revision

    # What is offered

    def offer(self, slug: str, mode: int, status: int) -> Offer:
        """What decides the slots of a service type in a mode for such a client."""
        key = slug, mode, status
        offer = self.offers.get(key)
        if offer is None:
            offer = self._offer(slug, messages.mode(mode), _status(status))
            self.offers[key] = offer
        return offer

    def _offer(self, slug: str, mode: Mode, status: ClientStatus) -> Offer:
        kind = self.service_types.get(slug)
        if kind is None:
            raise ServiceTypeNotFound(field="service")
        own = self.policies
        allowed = {
            ClientStatus.NEW: own.new_clients_may_schedule,
            ClientStatus.ACTIVE: own.active_clients_may_schedule,
            ClientStatus.INACTIVE: own.inactive_clients_may_schedule,
        }
        shape = Shape(
            duration=kind.duration_minutes,
            step=kind.step_minutes,
            buffer_before=kind.buffer_before_minutes,
            buffer_after=kind.buffer_after_minutes,
            mode=mode,
        )
        facts = Facts(
            type_active=kind.active,
            type_online=kind.online,
            telehealth_enabled=kind.telehealth_enabled,
            modes=frozenset(messages.mode(number) for number in kind.modes),
            mode=mode,
            self_scheduling=own.clients_may_schedule,
            statuses=frozenset(s for s, may in allowed.items() if may),
            status=status,
            notice=own.minimum_notice_minutes,
            max_advance=own.maximum_advance_days or None,
        )
        failed = tuple(verdict for verdict in judge_offer(facts) if not verdict.passed)
        return Offer(shape, facts, failed)

    # What others are told

    def profile(self) -> GetProfileResponse:
        """What anybody may know."""
        found = self.found
        public = [_public(kind) for _, kind in sorted(self.service_types.items())]
        return GetProfileResponse(
            provider=pb.Provider(
                provider_id=str(found.id),
                practice_id=str(found.practice_id),
                username=found.username,
                display_name=found.display_name,
                timezone=found.timezone,
                effective_policies=self.policies,
            ),
            practice=pb.Practice(
                practice_id=str(found.practice_id),
                name=found.name,
                timezone=found.practice_timezone,
                currency_code=found.currency_code,
                address=found.address,
            ),
            service_types=[kind for kind in public if kind.active and kind.online and kind.modes],
        )

    def terms(self, slug: str, mode: Mode, room: int | None) -> pb.Terms:
        """What a booking made now is made under; `room` is the physical room's number."""
        found = self.found
        terms = pb.Terms(
            practice_id=str(found.practice_id),
            provider_id=str(found.id),
            provider_timezone=found.timezone,
            service_type=self.service_types[slug],
            policies=self.policies,
            resources=[pb.Resource(number=found.number, id=str(found.id))],
        )
        if mode is Mode.IN_PERSON:
            terms.address = found.address
            if room is not None:
                physical = self.rooms[room]
                terms.resources.add(number=room, id=physical.room_id)
                parts = (physical.name, physical.address or found.address)
                terms.address = ", ".join(part for part in parts if part)
        return terms


def warmed(found: Found, as_of: float) -> Warm:
    """What was read, ready to be searched."""
    timetable = Timetable(
        zone(found.timezone),
        messages.blocks(found.blocks),
        [Override(day, tuple(messages.blocks(b))) for day, b in found.overrides],
        provider=found.number,
    )
    for number, first, end, ref in found.taken or ():
        timetable.take(ref, number, first, end)
    return Warm(
        found=replace(
            found, blocks=[], dates=None, service_types=None, rooms=None, revisions=[], taken=None
        ),
        timetable=timetable,
        policies=policy_rules.effective(
            messages.policies(found.practice_policies), messages.policies(found.policies)
        ),
        service_types={
            row["slug"]: messages.service_type(row, found.currency_code)
            for row in found.service_types or ()
        },
        rooms={
            number: pb.PhysicalRoom(room_id=room_id, name=name, address=address)
            for number, room_id, name, address in found.rooms or ()
        },
        revisions={number: reached for number, reached, _ in found.revisions},
        setup=max(found.setup_version, found.practice_version),
        as_of=as_of,
    )


def _status(number: int) -> ClientStatus:
    if number not in _STATUSES:
        raise Invalid("Choose a status.", field="client_status", reason="INVALID_CHOICE")
    return _STATUSES[types.ClientStatus.ValueType(number)]


def _public(kind: pb.ServiceType) -> pb.ServiceType:
    """As clients see it: without the modes that cannot be booked."""
    public = pb.ServiceType()
    public.CopyFrom(kind)
    del public.modes[:]
    public.modes.extend(
        mode
        for mode in kind.modes
        if messages.mode(mode) is not Mode.TELEHEALTH or kind.telehealth_enabled
    )
    return public


def _minutes(taken: TakenTime) -> tuple[int, int]:
    """Whole minutes since 1970, rounded outwards."""
    end = taken.end_time.seconds + (1 if taken.end_time.nanos else 0)
    return taken.start_time.seconds // 60, -(-end // 60)
