"""What searches are served from: providers in memory, kept right by events (spec SL-8, SL-9).

A provider is read from the projection on first use, and patched by every replica from then on as
booking's events arrive. Revisions of taken time have no gaps, so a provider that missed one is
noticed, and asked of booking. While the events are lost, what is older than FRESH is asked of
booking too; if that is away as well, providers are served for at most BOUND.
"""

import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.booking.v1.booking_pb2 import TakenTime
from attune.booking.v1.booking_service_pb2 import ListTakenTimeRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1 import types_pb2 as types
from availability import messages
from availability.domain import inputs
from availability.domain import policies as policy_rules
from availability.domain.hours import Override
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus, Facts
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from availability.store import cold
from availability.store.setup import ProviderNotFound, ServiceTypeNotFound
from common import identity
from common.bus import Bus
from common.clock import Clock
from common.database import EVERY_PRACTICE, Database
from common.errors import Invalid, Unavailable
from common.following import Following
from common.identity import Identity
from common.zones import zone

log = logging.getLogger(__name__)

FRESH = 2.0
"""Seconds that what is in memory is trusted without events."""
BOUND = 30.0
"""Seconds after the loss of events for which providers are served if booking is away too."""
PATIENCE = 0.3
"""Seconds that a search waits for the revision it names before booking is asked."""
_READS = 10  # attempts to read a provider whose set-up or time is changing all the while
_HEARD = 200_000  # resources and providers whose newest revision heard of is remembered
_SUBJECTS = [
    kind.DESCRIPTOR.full_name for kind in (TakenTimeChanged, ProviderChanged, PracticeChanged)
]
_STATUSES = {
    types.CLIENT_STATUS_UNSPECIFIED: ClientStatus.NEW,
    types.CLIENT_STATUS_NEW: ClientStatus.NEW,
    types.CLIENT_STATUS_ACTIVE: ClientStatus.ACTIVE,
    types.CLIENT_STATUS_INACTIVE: ClientStatus.INACTIVE,
}


@dataclass
class Warm:
    """One provider in memory."""

    found: cold.Found
    timetable: Timetable
    policies: pb.Policies
    practice_policies: pb.Policies
    service_types: dict[str, pb.ServiceType]
    rooms: dict[int, pb.PhysicalRoom]
    revisions: dict[int, int]
    setup: int
    verified: float
    """The moment, by `time.monotonic`, at which it was last known to be right."""
    offers: dict[tuple[str, int, int], tuple[Shape, Facts]] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """Names this state, for a later search."""
        return f"{self.revisions[self.found.number]}.{self.setup}"

    def offer(self, slug: str, mode: int, status: int) -> tuple[Shape, Facts]:
        """What decides the slots of a service type in a mode for such a client."""
        key = slug, mode, status
        offer = self.offers.get(key)
        if offer is None:
            offer = self._offer(slug, messages.mode(mode), _status(status))
            self.offers[key] = offer
        return offer

    def _offer(self, slug: str, mode: Mode, status: ClientStatus) -> tuple[Shape, Facts]:
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
        return shape, facts


def _status(number: int) -> ClientStatus:
    if number not in _STATUSES:
        raise Invalid("Choose a status", field="client_status", reason="INVALID_CHOICE")
    return _STATUSES[types.ClientStatus.ValueType(number)]


class State:
    """The warm providers of this replica."""

    def __init__(
        self, database: Database, booking: BookingServiceStub, clock: Clock, most: int = 20_000
    ) -> None:
        self._database = database
        self._booking = booking
        self._clock = clock
        self._most = most
        self._changed = threading.Condition()
        self._warm: OrderedDict[str, Warm] = OrderedDict()
        self._by_resource: defaultdict[int, set[str]] = defaultdict(set)
        self._by_practice: defaultdict[str, set[str]] = defaultdict(set)
        # The newest revision of a resource, and change of a provider or practice, heard of.
        self._heard: OrderedDict[int | str, int] = OrderedDict()
        self._reading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._following: Following | None = None

    # Events

    def follow(self, bus: Bus) -> None:
        """Hear, from now on, all that the durable `availability` has not persisted yet."""
        self._following = bus.follow(_SUBJECTS, "availability", self.receive, self.forget_all)

    def receive(self, subject: str, payload: bytes, _sequence: int) -> None:
        """Take in one event."""
        if subject == _SUBJECTS[0]:
            self._take(TakenTimeChanged.FromString(payload))
        elif subject == _SUBJECTS[1]:
            provider = ProviderChanged.FromString(payload)
            self.changed(provider.practice_id, provider.version, provider.provider_id)
        else:
            practice = PracticeChanged.FromString(payload)
            self.changed(practice.practice_id, practice.version)

    def _take(self, event: TakenTimeChanged) -> None:
        number = event.resource_number
        with self._changed:
            self._hear(number, event.revision)
            for username in tuple(self._by_resource.get(number, ())):
                warm = self._warm[username]
                known = warm.revisions[number]
                if event.revision > known + 1:
                    self._drop(username)
                elif event.revision == known + 1:
                    for ref in event.released:
                        warm.timetable.release(ref, number)
                    for taken in event.taken:
                        warm.timetable.take(taken.ref, number, *_minutes(taken))
                    warm.revisions[number] = event.revision
            self._changed.notify_all()

    def changed(self, practice_id: str, version: int, provider_id: str = "") -> None:
        """The set-up of a provider, or of a whole practice, has changed: read it again."""
        with self._changed:
            self._hear(provider_id or practice_id, version)
            for username in tuple(self._by_practice.get(practice_id, ())):
                found = self._warm[username].found
                concerned = not provider_id or str(found.id) == provider_id
                if concerned and self._warm[username].setup < version:
                    self._drop(username)
            self._changed.notify_all()

    def forget_all(self) -> None:
        """Events were lost for good: everything is read again."""
        with self._changed:
            for username in tuple(self._warm):
                self._drop(username)

    def _hear(self, key: int | str, number: int) -> None:
        self._heard[key] = max(number, self._heard.get(key, 0))
        self._heard.move_to_end(key)
        if len(self._heard) > _HEARD:
            self._heard.popitem(last=False)

    # Searches

    def get(self, username: str, revision: str = "") -> Warm:
        """The provider, at least as of that revision. No query once it is warm.

        Raises ProviderNotFound, Invalid for a revision that there never was, Unavailable.
        """
        warm = self._warm.get(username)
        if warm is None or not self._is_fresh(warm):
            warm = self._refresh(username, warm)
        if revision:
            warm = self._at_least(warm, *_parse(revision))
        return warm

    def is_ready(self) -> bool:
        """Whether searches are answered within the bound: events arrive, or were lost a moment
        ago, or booking can be asked instead."""
        if self._age() < BOUND:
            return True
        try:
            self._ask("", 0)
        except Unavailable:
            return False
        return True

    def _age(self) -> float:
        """Seconds since nothing was missing here."""
        return self._following.age if self._following else float("inf")

    def _is_fresh(self, warm: Warm) -> bool:
        return self._age() < FRESH or time.monotonic() - warm.verified < FRESH

    def _refresh(self, username: str, stale: Warm | None) -> Warm:
        with self._reading[username]:
            warm = self._warm.get(username)
            if warm is not None and warm is not stale and self._is_fresh(warm):
                return warm  # somebody else has read it meanwhile
            try:
                return self._read(username)
            except Unavailable:
                if stale is None or self._age() > BOUND:
                    raise
                return stale
            finally:
                self._reading.pop(username, None)

    def _read(self, username: str, *, ask: bool = False) -> Warm:
        """Read a provider, and ask booking for what the projection does not have yet."""
        ask = ask or self._age() >= FRESH
        for _ in range(_READS):
            warm = self._read_cold(username)
            self._heal(warm, warm.revisions if ask else self._behind(warm))
            if self._keep(warm):
                return warm
        raise Unavailable

    def _read_cold(self, username: str) -> Warm:
        if not inputs.is_slug(username):
            raise ProviderNotFound(field="username")
        now = self._clock.now()
        with self._database.transaction(EVERY_PRACTICE) as session:
            found = cold.read(session, username, now)
        if found is None:
            raise ProviderNotFound(field="username")
        return _warmed(found)

    def _keep(self, warm: Warm) -> bool:
        """Keep it, unless something newer was heard of while it was read."""
        found = warm.found
        with self._changed:
            if self._behind(warm) or self._is_behind_in_setup(warm):
                return False
            self._drop(found.username)
            self._warm[found.username] = warm
            self._by_practice[str(found.practice_id)].add(found.username)
            for number in warm.revisions:
                self._by_resource[number].add(found.username)
            if len(self._warm) > self._most:
                self._drop(next(iter(self._warm)))
            return True

    def _behind(self, warm: Warm) -> list[int]:
        return [n for n, known in warm.revisions.items() if self._heard.get(n, 0) > known]

    def _is_behind_in_setup(self, warm: Warm) -> bool:
        keys = str(warm.found.id), str(warm.found.practice_id)
        return any(self._heard.get(key, 0) > warm.setup for key in keys)

    def _drop(self, username: str) -> None:
        warm = self._warm.pop(username, None)
        if warm is None:
            return
        _discard(self._by_practice, str(warm.found.practice_id), username)
        for number in warm.revisions:
            _discard(self._by_resource, number, username)

    def _heal(self, warm: Warm, numbers: Iterable[int]) -> None:
        """Put booking's own answer in place of what is taken of these resources."""
        for number in tuple(numbers):
            revision, taken = self._ask(str(warm.found.practice_id), number)
            warm.timetable.replace_taken(number, {each.ref: _minutes(each) for each in taken})
            warm.revisions[number] = max(revision, warm.revisions[number])
        warm.verified = time.monotonic()

    def _ask(self, practice_id: str, number: int) -> tuple[int, Iterable[TakenTime]]:
        with identity.acting_as(Identity("service:availability", practice_id)):
            answer = self._booking.ListTakenTime(ListTakenTimeRequest(resource_number=number))
        return answer.revision, answer.taken

    def _at_least(self, warm: Warm, revision: int, setup: int) -> Warm:
        username = warm.found.username

        def reached() -> bool:
            now = self._warm.get(username)
            return now is not None and _is_at_least(now, revision, setup)

        if reached():
            return self._warm.get(username, warm)
        with self._changed:
            self._changed.wait_for(reached, PATIENCE)
        warm = self._warm.get(username) or self._read(username, ask=True)
        if _is_at_least(warm, revision, setup):
            return warm
        warm = self._read(username, ask=True)
        if not _is_at_least(warm, revision, setup):
            raise Invalid("There is no such revision", field="revision", reason="UNKNOWN_REVISION")
        return warm


def _is_at_least(warm: Warm, revision: int, setup: int) -> bool:
    return warm.revisions[warm.found.number] >= revision and warm.setup >= setup


def _warmed(found: cold.Found) -> Warm:
    practice = messages.policies(found.practice_policies)
    own = messages.policies(found.policies)
    timetable = Timetable(
        zone(found.timezone),
        messages.blocks(found.blocks),
        [Override(day, tuple(messages.blocks(b))) for day, b in found.overrides],
        provider=found.number,
    )
    for number, first, end, ref in found.taken or ():
        timetable.take(ref, number, first, end)
    return Warm(
        found=found,
        timetable=timetable,
        policies=policy_rules.effective(practice, own),
        practice_policies=practice,
        service_types={
            row["slug"]: messages.service_type(row, found.currency_code)
            for row in found.service_types or ()
        },
        rooms={
            number: pb.PhysicalRoom(room_id=room_id, name=name, address=address)
            for number, room_id, name, address in found.rooms or ()
        },
        revisions={number: revision for number, revision in found.revisions if number},
        setup=max(found.setup_version, found.practice_version),
        verified=time.monotonic(),
    )


def _minutes(taken: TakenTime) -> tuple[int, int]:
    """Whole minutes since 1970, rounded outwards."""
    end = taken.end_time.seconds + (1 if taken.end_time.nanos else 0)
    return taken.start_time.seconds // 60, -(-end // 60)


def _parse(revision: str) -> tuple[int, int]:
    """`"7"` or `"7.3"`: of taken time, and of the set-up."""
    taken, _, setup = revision.partition(".")
    if not all(part.isdecimal() and len(part) < 16 for part in (taken, setup or "0")):
        raise Invalid("This is not a revision", field="revision", reason="INVALID_REVISION")
    return int(taken), int(setup or 0)


Key = TypeVar("Key")


def _discard(sets: defaultdict[Key, set[str]], key: Key, username: str) -> None:
    members = sets.get(key)
    if members is not None:
        members.discard(username)
        if not members:
            del sets[key]
