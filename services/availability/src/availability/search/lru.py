"""The snapshots that a replica keeps, bounded in number and in bytes."""

import threading
from collections import OrderedDict, defaultdict
from typing import TypeVar

from availability.search.snapshot import Snapshot

_SNAPSHOT = 12_000  # bytes of a snapshot, without its arrays and its taken time
_REMEMBERED = 200_000  # resources, providers and practices whose newest version is remembered

Key = TypeVar("Key")


class Snapshots:
    """Snapshots by username, by resource and by practice, and the newest versions known.

    Those that searches have not used lately are evicted first. The cache's lock guards all
    methods; `by_username` may be read without it.
    """

    def __init__(self, most: int, megabytes: int) -> None:
        self.by_username: OrderedDict[str, Snapshot] = OrderedDict()
        self.most = most
        self.most_bytes = megabytes * 1024 * 1024
        self.bytes = 0
        self._weighing = threading.Lock()
        self._by_resource: defaultdict[int, set[str]] = defaultdict(set)
        self._by_practice: defaultdict[str, set[str]] = defaultdict(set)
        self._newest: OrderedDict[int | str, int] = OrderedDict()

    def of_resource(self, number: int) -> list[Snapshot]:
        """Return the snapshots that hold the taken time of a resource."""
        return [self.by_username[name] for name in self._by_resource.get(number, ())]

    def of_practice(self, practice_id: str) -> list[Snapshot]:
        """Return the snapshots of a practice's providers."""
        return [self.by_username[name] for name in self._by_practice.get(practice_id, ())]

    def newest(self, key: int | str) -> int:
        """Return the newest known revision of a resource, by number, or version of the set-up of a
        provider or practice, by id; 0 if none is known."""
        return self._newest.get(key, 0)

    def remember(self, key: int | str, version: int) -> None:
        """Note that a revision or version exists. No older snapshot is kept from now on."""
        self._newest[key] = max(version, self._newest.get(key, 0))
        self._newest.move_to_end(key)
        if len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)

    def keep(self, snapshot: Snapshot) -> bool:
        """Keep a snapshot in place of any other of the provider; return False if a newer revision
        or version is known."""
        setup = snapshot.setup
        versions: list[tuple[int | str, int]] = [
            *snapshot.revisions.items(),
            (setup.provider_id, setup.provider_version),
            (setup.practice_id, setup.practice_version),
        ]
        if any(self.newest(key) > version for key, version in versions):
            return False
        for key, version in versions:
            self.remember(key, version)
        self.drop(setup.username)
        self.by_username[setup.username] = snapshot
        self._grow(_SNAPSHOT + snapshot.timetable.weigh(self._grow))
        self._by_practice[setup.practice_id].add(setup.username)
        for number in snapshot.revisions:
            self._by_resource[number].add(setup.username)
        self.make_room()
        return True

    def drop(self, username: str) -> None:
        """Drop the provider's snapshot, if there is one."""
        snapshot = self.by_username.pop(username, None)
        if snapshot is None:
            return
        self._grow(-_SNAPSHOT - snapshot.timetable.weigh(None))
        _discard(self._by_practice, snapshot.setup.practice_id, username)
        for number in snapshot.revisions:
            _discard(self._by_resource, number, username)

    def make_room(self) -> None:
        """Evict snapshots until the bounds are kept. One that was used since its last turn stays
        until its next."""
        while len(self.by_username) > self.most or (
            self.bytes > self.most_bytes and len(self.by_username) > 1
        ):
            username, snapshot = next(iter(self.by_username.items()))
            if snapshot.used:
                snapshot.used = False
                self.by_username.move_to_end(username)
            else:
                self.drop(username)

    def _grow(self, by: int) -> None:
        """Timetables call this while they are searched, without the cache's lock."""
        with self._weighing:
            self.bytes += by


def _discard(sets: defaultdict[Key, set[str]], key: Key, username: str) -> None:
    members = sets.get(key)
    if members is not None:
        members.discard(username)
        if not members:
            del sets[key]
