"""The providers in memory of this replica, updated by events (spec SL-8, SL-9).

A provider is loaded from the database on first use; from then on every replica applies booking's
events to its own snapshot. Revisions of taken time have no gaps, so a snapshot that missed one is
noticed and loaded again with booking's own list. While no events arrive, snapshots older than FRESH
are refreshed from booking; if booking is down too, they are served until they are BOUND old.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.adapters.booking import Occupancy
from availability.search.lru import Snapshots
from availability.search.snapshot import Snapshot, snapshot
from availability.store import loader, taken
from availability.store.loader import LoadedProvider
from availability.store.providers import ProviderNotFound
from common import telemetry, validation
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Invalid, Unavailable
from common.messaging.nats import Bus
from common.messaging.ordered_consumer import OrderedConsumer
from common.resilience import deadline
from common.resilience.bulkhead import Bulkhead

log = logging.getLogger(__name__)

FRESH = 2.0
"""Seconds for which a snapshot is trusted without events."""
BOUND = 30.0
"""Seconds for which a snapshot is served while neither events nor booking are available."""
PATIENCE = 0.3
"""Seconds that a search waits for the event of a revision that exists before it loads the provider,
or for another search that is loading the provider."""
_MOMENT = 0.05  # seconds that a search waits before booking is asked whether the revision exists
_AHEAD, _AHEAD_QUEUE = 4, 4  # searches that name a revision ahead of this replica, at once
_RETRY = 2.0  # seconds before booking is asked again for a provider that can be served without it
_LOADS = 10  # attempts to load a provider that keeps changing during the load
# Then a provider is loaded again: a snapshot keeps time that has ended, the projection does not.
_EVENTS = 5_000
_SUBJECTS = [
    kind.DESCRIPTOR.full_name for kind in (TakenTimeChanged, ProviderChanged, PracticeChanged)
]


_misses = telemetry.Counter(
    "attune.search.cache.misses", "Searches that found no fresh provider in memory", [{}]
)


class Cache:
    """The snapshots of this replica."""

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
        self._snapshots = Snapshots(most, megabytes)
        self._changed = threading.Condition()
        """Guards the snapshots, and wakes searches that wait for a revision."""
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._ahead = Bulkhead(_AHEAD, _AHEAD_QUEUE, PATIENCE)
        self._consumer: OrderedConsumer | None = None
        self._losses = self._planned = 0
        """How often events were lost, and up to which loss fetches from booking are planned."""
        self._retry_at = 0.0

    def report_size(self) -> None:
        """Send the number of snapshots and about how many bytes they take, at each export."""
        telemetry.gauge(
            "attune.search.cache.providers",
            "{provider}",
            "Providers in memory",
            lambda: len(self._snapshots.by_username),
        )
        telemetry.gauge(
            "attune.search.cache.size",
            "By",
            "Memory that providers take, by estimate",
            lambda: self._snapshots.bytes,
        )

    # Events

    def follow(self, bus: Bus) -> None:
        """Receive, from now on, every event that the projection may not have yet."""
        self._consumer = bus.follow(_SUBJECTS, "availability", self.receive, self.events_lost)

    def receive(self, subject: str, payload: bytes, _sequence: int) -> None:
        """Apply one event."""
        if subject == _SUBJECTS[0]:
            self._apply_taken(TakenTimeChanged.FromString(payload))
        elif subject == _SUBJECTS[1]:
            provider = ProviderChanged.FromString(payload)
            self.setup_changed(provider.practice_id, provider.version, provider.provider_id)
        else:
            practice = PracticeChanged.FromString(payload)
            self.setup_changed(practice.practice_id, practice.version)

    def _apply_taken(self, event: TakenTimeChanged) -> None:
        with self._changed:
            self._snapshots.remember(event.resource_number, event.revision)
            for each in self._snapshots.of_resource(event.resource_number):
                missing = event.revision - each.revisions[event.resource_number]
                if missing > 1 or each.events >= _EVENTS:
                    self._snapshots.drop(each.setup.username)
                elif missing == 1:
                    each.apply(event)
            self._changed.notify_all()

    def setup_changed(self, practice_id: str, version: int, provider_id: str = "") -> None:
        """Drop the snapshots that are older than a change of the set-up of one provider, or of the
        whole practice."""
        with self._changed:
            self._snapshots.remember(provider_id or practice_id, version)
            for each in self._snapshots.of_practice(practice_id):
                is_concerned = provider_id in ("", each.setup.provider_id)
                if is_concerned and each.setup.version < version:
                    self._snapshots.drop(each.setup.username)
            self._changed.notify_all()

    def events_lost(self) -> None:
        """Handle the loss of events, which the projection may lack too.

        Every provider is loaded again with booking's own list until a fetch of every resource is
        planned. Does not block.
        """
        with self._changed:
            self._losses += 1
            for username in tuple(self._snapshots.by_username):
                self._snapshots.drop(username)
        threading.Thread(target=self._plan_fetches, name="plan-fetches", daemon=True).start()

    def _plan_fetches(self) -> None:
        while (losses := self._losses) > self._planned:
            try:
                with self._database.transaction(EVERY_PRACTICE) as session:
                    taken.fetch_everything(session, self._clock.now())
                with self._changed:
                    self._planned = max(losses, self._planned)
            except Exception as error:  # the projection still lacks events
                log.warning("cannot plan fetches yet: %s", type(error).__name__)
                time.sleep(_RETRY)

    # Searches

    def get(self, username: str, revision: str = "") -> Snapshot:
        """Return the provider's snapshot, at least as of `revision`. A cached one costs no query.

        Raises ProviderNotFound, Invalid for a revision that never existed, and Unavailable.
        """
        wanted = _parse(revision) if revision else None
        if self._snapshots.bytes > self._snapshots.most_bytes:
            with self._changed:
                self._snapshots.make_room()
        found = self._snapshots.by_username.get(username)
        if found is None or self._staleness(found) >= FRESH:
            _misses.add({})
            found = self._refresh(username, found)
        found.used = True
        return self._at_least(found, *wanted) if wanted else found

    def get_setup(self, username: str) -> Snapshot:
        """Return the provider with the present set-up, while the taken time may lag behind.

        Never asks booking, whose threads may all be waiting for this answer. Raises
        ProviderNotFound and Unavailable.
        """
        found = self._snapshots.by_username.get(username)
        if found is not None and self._staleness(found) < FRESH:
            return found
        as_of = time.monotonic() - self._age()
        try:
            loaded = self._load(username)
        except Unavailable:
            return _or_unavailable(found if found and self._staleness(found) < BOUND else None)
        new = snapshot(loaded, as_of)
        if not (self._must_ask_booking() or self._lacking(loaded)):
            self._keep(new)
        return new

    def is_ready(self) -> bool:
        """Return whether searches can be answered within BOUND: events arrive, or stopped a moment
        ago, or booking can be asked instead."""
        if self._age() < BOUND:
            return True
        try:
            self._booking.list_taken("", 0)
        except Unavailable:
            return False
        return True

    def _age(self) -> float:
        """Return the seconds since no event was missing here."""
        return self._consumer.age if self._consumer else float("inf")

    def _staleness(self, found: Snapshot) -> float:
        """Return the seconds since the snapshot was known to be right."""
        return min(self._age(), time.monotonic() - found.as_of)

    def _must_ask_booking(self) -> bool:
        """Return whether booking may know of more changes than events and projection do."""
        return self._age() >= FRESH or self._losses > self._planned

    def _refresh(self, username: str, stale: Snapshot | None) -> Snapshot:
        """Load a provider, or wait for another search that is loading it.

        If that fails, the stale snapshot is good enough until it is BOUND old.
        """
        if stale is not None and self._staleness(stale) >= BOUND:
            stale = None
        if stale is not None and time.monotonic() < self._retry_at:
            return stale
        loading = self._loading[username]
        if not loading.acquire(timeout=PATIENCE if stale else deadline.remaining()):
            return _or_unavailable(stale)
        try:
            found = self._snapshots.by_username.get(username)
            if found is not None and self._staleness(found) < FRESH:
                return found  # another search has just loaded it
            return self._load_and_keep(username)
        except Unavailable:
            self._retry_at = time.monotonic() + _RETRY
            return _or_unavailable(stale)
        finally:
            loading.release()
            self._loading.pop(username, None)

    def _load_and_keep(self, username: str, *, ask_booking: bool = False) -> Snapshot:
        """Load a provider, with booking's list of the taken time that the projection lacks."""
        for _ in range(_LOADS):
            ask_booking = ask_booking or self._must_ask_booking()
            as_of = time.monotonic() - (0 if ask_booking else self._age())
            loaded = self._load(username)
            new = snapshot(loaded, as_of)
            self._fetch(new, new.revisions if ask_booking else self._lacking(loaded))
            if self._keep(new):
                return new
        raise Unavailable

    def _load(self, username: str) -> LoadedProvider:
        if not validation.is_slug(username):
            raise ProviderNotFound(field="username")
        with self._database.transaction(EVERY_PRACTICE) as session:
            loaded = loader.load(session, username, self._clock.now())
        if loaded is None:
            raise ProviderNotFound(field="username")
        return loaded

    def _lacking(self, loaded: LoadedProvider) -> list[int]:
        """Return the resources whose projection is known to lack events."""
        return [
            number
            for number, reached, is_complete in loaded.revisions
            if not is_complete or self._snapshots.newest(number) > reached
        ]

    def _fetch(self, new: Snapshot, numbers: Iterable[int]) -> None:
        """Replace the taken time of these resources with booking's own lists."""
        for number in tuple(numbers):
            answer = self._booking.list_taken(new.setup.practice_id, number)
            new.replace_taken(number, answer.revision, answer.taken)

    def _keep(self, new: Snapshot) -> bool:
        """Keep a snapshot; return False if a newer version became known while it was loaded."""
        with self._changed:
            is_kept = self._snapshots.keep(new)
            if is_kept:
                self._changed.notify_all()
            return is_kept

    def _at_least(self, found: Snapshot, revision: int, version: int) -> Snapshot:
        """Return the snapshot as of a revision that may still be on its way here.

        What a search names costs little until the revision is known to exist, and the snapshot in
        memory stays: anybody can name any revision.
        """
        if found.is_at_least(revision, version):
            return found
        with self._ahead.permit():
            username = found.setup.username
            found = self._wait(username, revision, version, _MOMENT)
            if found.is_at_least(revision, version):
                return found
            lags = found.revisions[found.setup.number] < revision
            self._check_exists(found, revision, version)
            found = self._wait(username, revision, version, PATIENCE)
            if found.is_at_least(revision, version):
                return found
            return self._load_and_keep(username, ask_booking=lags)

    def _wait(self, username: str, revision: int, version: int, seconds: float) -> Snapshot:
        """Return the provider's snapshot once it has reached a revision, or after `seconds`."""

        def is_over() -> bool:
            now = self._snapshots.by_username.get(username)
            return now is None or now.is_at_least(revision, version)

        with self._changed:
            self._changed.wait_for(is_over, seconds if self._age() < FRESH else 0)
        return self._snapshots.by_username.get(username) or self._refresh(username, None)

    def _check_exists(self, found: Snapshot, revision: int, version: int) -> None:
        """Raise Invalid unless booking knows the revision, and the database the version."""
        setup, exists = found.setup, True
        if not found.is_at_least(0, version):
            with self._database.transaction(EVERY_PRACTICE) as session:
                exists = loader.newest_version(session, setup.provider_id) >= version
        if exists and not found.is_at_least(revision, 0):
            answer = self._booking.list_taken(setup.practice_id, setup.number)
            exists = answer.revision >= revision
        if not exists:
            raise Invalid(
                "This revision doesn't exist.", field="revision", reason="UNKNOWN_REVISION"
            )


def _or_unavailable(stale: Snapshot | None) -> Snapshot:
    if stale is None:
        raise Unavailable
    return stale


def _parse(revision: str) -> tuple[int, int]:
    """Return the revision of taken time and the version of the set-up in `"7"` or `"7.3"`."""
    number, _, version = revision.partition(".")
    if not all(part.isdecimal() and len(part) < 16 for part in (number, version or "0")):
        raise Invalid("Invalid revision.", field="revision", reason="INVALID_REVISION")
    return int(number), int(version or 0)
