"""What searches are served from: providers in memory, kept right by events (spec SL-8, SL-9).

A provider is read from the projection on first use, and patched by every replica from then on as
booking's events arrive. Revisions of taken time have no gaps, so a provider that missed one is
noticed, and asked of booking. While the events are lost, what is older than FRESH is asked of
booking too; if that is away as well, providers are served until what is known is BOUND old.
"""

import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import TypeVar

from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.adapters.booking import Occupancy
from availability.domain import inputs
from availability.store import cold, taken
from availability.store.setup import ProviderNotFound
from availability.warm import Warm, warmed
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Invalid, Unavailable
from common.messaging.nats import Bus
from common.messaging.ordered_consumer import OrderedConsumer
from common.resilience import deadline

log = logging.getLogger(__name__)

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
_PROVIDER = 12_000  # bytes of one in memory, without its arrays and what is taken
_HEARD = 200_000  # resources and providers whose newest revision heard of is remembered
_SUBJECTS = [
    kind.DESCRIPTOR.full_name for kind in (TakenTimeChanged, ProviderChanged, PracticeChanged)
]


class State:
    """The warm providers of this replica."""

    def __init__(
        self,
        database: Database,
        booking: Occupancy,
        clock: Clock,
        most: int = 20_000,
        megabytes: int = 1024,
    ) -> None:
        self._database = database
        self._booking = booking
        self._clock = clock
        self._most = most
        self._most_bytes = megabytes * 1024 * 1024
        self._bytes = 0
        self._weighing = threading.Lock()
        self._changed = threading.Condition()
        self._warm: OrderedDict[str, Warm] = OrderedDict()
        self._by_resource: defaultdict[int, set[str]] = defaultdict(set)
        self._by_practice: defaultdict[str, set[str]] = defaultdict(set)
        # The newest revision of a resource, and change of a provider or practice, heard of.
        self._heard: OrderedDict[int | str, int] = OrderedDict()
        self._reading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._following: OrderedConsumer | None = None
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
                    warm.apply(event)
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
            except Exception as error:  # whatever it was, the projection still lacks some
                log.warning("the projection waits: %s", type(error).__name__)
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
        if self._bytes > self._most_bytes:
            with self._changed:
                self._make_room()
        warm = self._warm.get(username)
        if warm is None or self._staleness(warm) >= FRESH:
            warm = self._refresh(username, warm)
        warm.used = True
        return self._at_least(warm, *wanted) if wanted else warm

    def set_up(self, username: str) -> Warm:
        """The provider as it is set up now, while what is taken may lag. Never asks booking, whose
        threads may all be waiting for this answer.

        Raises ProviderNotFound, Unavailable.
        """
        warm = self._warm.get(username)
        if warm is not None and self._staleness(warm) < FRESH:
            return warm
        as_of = time.monotonic() - self._age()
        try:
            found = self._read_cold(username)
        except Unavailable:
            return _or_unavailable(warm if warm and self._staleness(warm) < BOUND else None)
        read = warmed(found, as_of)
        if not (self._must_ask() or self._lacking(found)):
            self._keep(read)
        return read

    def is_ready(self) -> bool:
        """Whether searches are answered within the bound: events arrive, or were lost a moment
        ago, or booking can be asked instead."""
        if self._age() < BOUND:
            return True
        try:
            self._booking.list_taken("", 0)
        except Unavailable:
            return False
        return True

    def _age(self) -> float:
        """Seconds since nothing was missing here."""
        return self._following.age if self._following else float("inf")

    def _staleness(self, warm: Warm) -> float:
        """Seconds since it was known to be right."""
        return min(self._age(), time.monotonic() - warm.as_of)

    def _must_ask(self) -> bool:
        """Whether booking may know more than has been heard of here and is known to be lacking."""
        return self._age() >= FRESH or self._doubts > 0

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
            ask = ask or self._must_ask()
            as_of = time.monotonic() - (0 if ask else self._age())
            found = self._read_cold(username)
            warm = warmed(found, as_of)
            self._fetch(warm, warm.revisions if ask else self._lacking(found))
            if self._keep(warm):
                return warm
        raise Unavailable

    def _read_cold(self, username: str) -> cold.Found:
        if not inputs.is_slug(username):
            raise ProviderNotFound(field="username")
        with self._database.transaction(EVERY_PRACTICE) as session:
            found = cold.read(session, username, self._clock.now())
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
            answer = self._booking.list_taken(warm.found.practice_id, number)
            warm.replace_taken(number, answer.revision, answer.taken)

    def _keep(self, warm: Warm) -> bool:
        """Keep it, unless something newer was heard of while it was read."""
        found = warm.found
        known: list[tuple[int | str, int]] = [
            *warm.revisions.items(),
            (str(found.id), found.setup_version),
            (str(found.practice_id), found.practice_version),
        ]
        with self._changed:
            if any(self._heard.get(key, 0) > version for key, version in known):
                return False
            for key, version in known:
                self._hear(key, version)  # nothing older is kept from now on
            self._drop(found.username)
            self._warm[found.username] = warm
            self._grown(_PROVIDER + warm.timetable.weigh(self._grown))
            self._by_practice[str(found.practice_id)].add(found.username)
            for number in warm.revisions:
                self._by_resource[number].add(found.username)
            self._make_room()
            self._changed.notify_all()
            return True

    def _make_room(self) -> None:
        """Forget providers that nobody has asked for since their turn came last."""
        while len(self._warm) > self._most or (
            self._bytes > self._most_bytes and len(self._warm) > 1
        ):
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
        self._grown(-_PROVIDER - warm.timetable.weigh(None))
        _discard(self._by_practice, str(warm.found.practice_id), username)
        for number in warm.revisions:
            _discard(self._by_resource, number, username)

    def _grown(self, by: int) -> None:
        with self._weighing:
            self._bytes += by

    def _at_least(self, warm: Warm, revision: int, setup: int) -> Warm:
        """The provider as of a revision that may still be on its way here."""
        username = warm.found.username

        def is_over() -> bool:
            now = self._warm.get(username)
            return now is None or now.is_at_least(revision, setup)

        if warm.is_at_least(revision, setup):
            return warm
        with self._changed:
            self._changed.wait_for(is_over, PATIENCE if self._age() < FRESH else 0)
        warm = self._warm.get(username) or self._refresh(username, None)
        if not warm.is_at_least(revision, setup):
            warm = self._read(username, ask=warm.revisions[warm.found.number] < revision)
        if not warm.is_at_least(revision, setup):
            raise Invalid("There is no such revision.", field="revision", reason="UNKNOWN_REVISION")
        return warm


def _or_unavailable(stale: Warm | None) -> Warm:
    if stale is None:
        raise Unavailable
    return stale


def _parse(revision: str) -> tuple[int, int]:
    """`"7"` or `"7.3"`: of taken time, and of the set-up."""
    taken, _, setup = revision.partition(".")
    if not all(part.isdecimal() and len(part) < 16 for part in (taken, setup or "0")):
        raise Invalid("This is not a revision.", field="revision", reason="INVALID_REVISION")
    return int(taken), int(setup or 0)


Key = TypeVar("Key")


def _discard(sets: defaultdict[Key, set[str]], key: Key, username: str) -> None:
    members = sets.get(key)
    if members is not None:
        members.discard(username)
        if not members:
            del sets[key]
