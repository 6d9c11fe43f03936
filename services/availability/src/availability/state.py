"""What searches are served from: providers in memory, kept right by events (spec SL-8, SL-9).

A provider is read from the projection on first use, and patched by every replica from then on as
booking's events arrive. Revisions of taken time have no gaps, so a provider that missed one is
noticed, and asked of booking. While the events are lost, what is older than FRESH is asked of
booking too; if that is away as well, providers are served until what is known is BOUND old.
"""

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.booking.v1.booking_pb2 import TakenTime
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1 import types_pb2 as types
from availability import booked, messages
from availability.domain import inputs
from availability.domain import policies as policy_rules
from availability.domain.hours import Override
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus, Facts
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from availability.store import cold, taken
from availability.store.setup import ProviderNotFound, ServiceTypeNotFound
from common import deadline
from common.bus import Bus
from common.clock import Clock
from common.database import EVERY_PRACTICE, Database
from common.errors import Invalid, Unavailable
from common.following import Following
from common.zones import zone

FRESH = 2.0
"""Seconds that what is in memory is trusted without events."""
BOUND = 30.0
"""Seconds for which what is in memory is served while neither events nor booking can be had."""
PATIENCE = 0.3
"""Seconds that a search waits for others to do its work: for the revision it names before booking
is asked, or for whoever asks already."""
_RETRY = 2.0  # seconds until booking is asked again for what can be served without it
_READS = 10  # attempts to read a provider whose set-up or time is changing all the while
_EVENTS = 5_000  # then a provider is read anew: memory keeps what has ended, the projection not
_HEARD = 200_000  # resources and providers whose newest revision heard of is remembered
_DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
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
    """Who it is; what the other fields hold is left out."""
    timetable: Timetable
    policies: pb.Policies
    service_types: dict[str, pb.ServiceType]
    rooms: dict[int, pb.PhysicalRoom]
    revisions: dict[int, int]
    setup: int
    as_of: float
    """The moment, by `time.monotonic`, that it is known to be right of; later while events arrive."""
    events: int = 0
    used: bool = True
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
        self._doubts = 0
        self._retry_at = 0.0

    # Events

    def follow(self, bus: Bus) -> None:
        """Hear, from now on, all that the durable `availability` has not persisted yet."""
        self._following = bus.follow(_SUBJECTS, "availability", self.receive, self.doubt)

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
        with self._changed:
            self._hear(event.resource_number, event.revision)
            for username in tuple(self._by_resource.get(event.resource_number, ())):
                warm = self._warm[username]
                missing = event.revision - warm.revisions[event.resource_number]
                if missing > 1 or warm.events >= _EVENTS:
                    self._drop(username)
                elif missing == 1:
                    _apply(warm, event)
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

    def doubt(self) -> None:
        """Events were lost for good, so that the projection may lack some: until it has been
        fetched anew, every provider is asked of booking. Does not block."""
        with self._changed:
            self._doubts += 1
            for username in tuple(self._warm):
                self._drop(username)
        threading.Thread(target=self._fetch_everything, name="doubt", daemon=True).start()

    def _fetch_everything(self) -> None:
        while True:
            try:
                with self._database.transaction(EVERY_PRACTICE) as session:
                    taken.fetch_everything(session, self._clock.now())
                break
            except _DATABASE_AWAY:
                time.sleep(_RETRY)
        with self._changed:
            self._doubts -= 1

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
        wanted = _parse(revision) if revision else None
        warm = self._warm.get(username)
        if warm is None or self._staleness(warm) >= FRESH:
            warm = self._refresh(username, warm)
        warm.used = True
        return self._at_least(warm, *wanted) if wanted else warm

    def is_ready(self) -> bool:
        """Whether searches are answered within the bound: events arrive, or were lost a moment
        ago, or booking can be asked instead."""
        if self._age() < BOUND:
            return True
        try:
            booked.list_taken(self._booking, "", 0)
        except Unavailable:
            return False
        return True

    def _age(self) -> float:
        """Seconds since nothing was missing here."""
        return self._following.age if self._following else float("inf")

    def _staleness(self, warm: Warm) -> float:
        """Seconds since it was known to be right."""
        return min(self._age(), time.monotonic() - warm.as_of)

    def _refresh(self, username: str, stale: Warm | None) -> Warm:
        """Read a provider, or wait for whoever reads it already."""
        if stale is not None and self._staleness(stale) >= BOUND:
            stale = None
        if stale is not None and time.monotonic() < self._retry_at:
            return stale
        reading = self._reading[username]
        if not reading.acquire(timeout=PATIENCE if stale else deadline.remaining()):
            return _or_unavailable(stale)
        try:
            warm = self._warm.get(username)
            if warm is not None and self._staleness(warm) < FRESH:
                return warm  # somebody else has read it meanwhile
            return self._read(username)
        except Unavailable:
            self._retry_at = time.monotonic() + _RETRY
            return _or_unavailable(stale)
        finally:
            reading.release()
            self._reading.pop(username, None)

    def _read(self, username: str, *, ask: bool = False) -> Warm:
        """Read a provider, and ask booking for what the projection does not have yet."""
        for _ in range(_READS):
            age = self._age()
            ask = ask or age >= FRESH or self._doubts > 0
            as_of = time.monotonic() - (0 if ask else age)
            found = self._read_cold(username)
            warm = _warmed(found, as_of)
            self._fetch(warm, warm.revisions if ask else self._lacking(found))
            if self._keep(warm):
                return warm
        raise Unavailable

    def _read_cold(self, username: str) -> cold.Found:
        if not inputs.is_slug(username):
            raise ProviderNotFound(field="username")
        try:
            with self._database.transaction(EVERY_PRACTICE) as session:
                found = cold.read(session, username, self._clock.now())
        except _DATABASE_AWAY as error:
            raise Unavailable from error
        if found is None:
            raise ProviderNotFound(field="username")
        return found

    def _lacking(self, found: cold.Found) -> list[int]:
        """The resources of which the projection is known to lack something."""
        return [
            number
            for number, reached, complete in found.revisions
            if not complete or self._heard.get(number, 0) > reached
        ]

    def _fetch(self, warm: Warm, numbers: Iterable[int]) -> None:
        """Put booking's own answer in place of what is taken of these resources."""
        for number in tuple(numbers):
            answer = booked.list_taken(self._booking, warm.found.practice_id, number)
            if answer.revision >= warm.revisions[number]:
                now_taken = {each.ref: _minutes(each) for each in answer.taken}
                warm.timetable.replace_taken(number, now_taken)
                warm.revisions[number] = answer.revision

    def _keep(self, warm: Warm) -> bool:
        """Keep it, unless something newer was heard of while it was read."""
        found = warm.found
        known = {
            **warm.revisions,
            str(found.id): found.setup_version,
            str(found.practice_id): found.practice_version,
        }
        with self._changed:
            if any(self._heard.get(key, 0) > version for key, version in known.items()):
                return False
            for key, version in known.items():
                self._hear(key, version)  # nothing older is kept from now on
            self._drop(found.username)
            self._warm[found.username] = warm
            self._by_practice[str(found.practice_id)].add(found.username)
            for number in warm.revisions:
                self._by_resource[number].add(found.username)
            self._make_room()
            self._changed.notify_all()
            return True

    def _make_room(self) -> None:
        """Forget providers that nobody has asked for since their turn came last."""
        while len(self._warm) > self._most:
            username, warm = next(iter(self._warm.items()))
            if warm.used:
                warm.used = False
                self._warm.move_to_end(username)
            else:
                self._drop(username)

    def _drop(self, username: str) -> None:
        warm = self._warm.pop(username, None)
        if warm is None:
            return
        _discard(self._by_practice, str(warm.found.practice_id), username)
        for number in warm.revisions:
            _discard(self._by_resource, number, username)

    def _at_least(self, warm: Warm, revision: int, setup: int) -> Warm:
        """The provider as of a revision that may still be on its way here."""
        username = warm.found.username

        def is_over() -> bool:
            now = self._warm.get(username)
            return now is None or _is_at_least(now, revision, setup)

        if _is_at_least(warm, revision, setup):
            return warm
        with self._changed:
            self._changed.wait_for(is_over, PATIENCE)
        warm = self._warm.get(username) or self._refresh(username, None)
        if not _is_at_least(warm, revision, setup):
            warm = self._read(username, ask=warm.revisions[warm.found.number] < revision)
        if not _is_at_least(warm, revision, setup):
            raise Invalid("There is no such revision", field="revision", reason="UNKNOWN_REVISION")
        return warm


def _or_unavailable(stale: Warm | None) -> Warm:
    if stale is None:
        raise Unavailable
    return stale


def _apply(warm: Warm, event: TakenTimeChanged) -> None:
    """Bring a provider to the event's revision, which comes next."""
    number = event.resource_number
    for each in event.taken:
        warm.timetable.take(each.ref, number, *_minutes(each))
    # Last, so that time which changes hands, from a hold to its booking, is never seen as free.
    for ref in set(event.released).difference(each.ref for each in event.taken):
        warm.timetable.release(ref, number)
    warm.revisions[number] = event.revision
    warm.events += 1


def _is_at_least(warm: Warm, revision: int, setup: int) -> bool:
    return warm.revisions[warm.found.number] >= revision and warm.setup >= setup


def _warmed(found: cold.Found, as_of: float) -> Warm:
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
