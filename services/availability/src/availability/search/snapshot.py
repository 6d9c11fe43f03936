"""The data of one provider that searches need, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from attune.booking.v1.booking_pb2 import TakenTime
from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.domain import policies
from availability.domain.hours import Override
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus, RuleSet, rule_set
from availability.domain.setup import PracticeDetails, Room, SetUp
from availability.domain.timetable import Timetable
from availability.store import hours, service_types
from availability.store.loader import LoadedProvider
from availability.store.service_types import ServiceTypeNotFound
from common.zones import zone


@dataclass
class Snapshot:
    """One provider: a set-up that never changes, and a timetable of the time taken so far.

    The cache that keeps a snapshot changes its taken time, under the cache's lock. After a change
    of the set-up, the cache loads a new snapshot.
    """

    setup: SetUp
    timetable: Timetable
    revisions: dict[int, int]
    """The revision of the taken time of the provider and of each room, by resource number."""
    as_of: float
    """The instant, by `time.monotonic`, of which the snapshot was right when it was loaded. Events
    keep it right from then on."""
    events: int = 0
    """How many events have been applied."""
    used: bool = True
    """Whether a search has used the snapshot since its last turn to be evicted."""
    _rule_sets: dict[tuple[str, Mode, ClientStatus], RuleSet] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """The name of this state. A later search can require a state at least as new."""
        return f"{self.revisions[self.setup.number]}.{self.setup.version}"

    def is_at_least(self, revision: int, version: int) -> bool:
        """Return whether the snapshot has reached a revision of the provider's taken time and a
        version of the set-up."""
        return self.revisions[self.setup.number] >= revision and self.setup.version >= version

    def rules(self, slug: str, mode: Mode, status: ClientStatus) -> RuleSet:
        """Return the rules for clients of a status who book a service type in a mode.

        Raises ServiceTypeNotFound.
        """
        key = slug, mode, status
        found = self._rule_sets.get(key)
        if found is None:
            service_type = self.setup.service_types.get(slug)
            if service_type is None:
                raise ServiceTypeNotFound(field="service")
            found = rule_set(service_type, self.setup.policies, mode, status)
            self._rule_sets[key] = found
        return found

    def apply(self, event: TakenTimeChanged) -> None:
        """Apply the event that follows the present revision of its resource."""
        number = event.resource_number
        for each in event.taken:
            self.timetable.take(each.ref, number, *_minutes(each))
        # Released last, so that time which passes from a hold to its booking is never seen free.
        for ref in set(event.released).difference(each.ref for each in event.taken):
            self.timetable.release(ref, number)
        self.revisions[number] = event.revision
        self.events += 1

    def replace_taken(self, number: int, revision: int, taken: Iterable[TakenTime]) -> None:
        """Replace the taken time of a resource with booking's own list, unless that is older."""
        if revision >= self.revisions[number]:
            self.timetable.replace_taken(number, {each.ref: _minutes(each) for each in taken})
            self.revisions[number] = revision


def snapshot(loaded: LoadedProvider, as_of: float) -> Snapshot:
    """Return the snapshot of a provider that was loaded from the database."""
    timetable = Timetable(
        zone(loaded.timezone),
        hours.from_json(loaded.blocks),
        [Override(day, tuple(hours.from_json(blocks))) for day, blocks in loaded.overrides],
        provider=loaded.number,
    )
    for number, first, end, ref in loaded.taken or ():
        timetable.take(ref, number, first, end)
    return Snapshot(
        setup=_set_up(loaded),
        timetable=timetable,
        revisions={number: reached for number, reached, _ in loaded.revisions},
        as_of=as_of,
    )


def _set_up(loaded: LoadedProvider) -> SetUp:
    return SetUp(
        provider_id=str(loaded.id),
        practice_id=str(loaded.practice_id),
        number=loaded.number,
        username=loaded.username,
        display_name=loaded.display_name,
        timezone=loaded.timezone,
        practice=PracticeDetails(
            name=loaded.name,
            timezone=loaded.practice_timezone,
            currency_code=loaded.currency_code,
            country=loaded.country,
            address=loaded.address,
            phone=loaded.phone,
            email=loaded.email,
            website=loaded.website,
            synthetic=loaded.synthetic,
        ),
        policies=policies.effective(loaded.practice_policies, loaded.policies),
        service_types={
            row["slug"]: service_types.from_row(row, loaded.currency_code)
            for row in loaded.service_types or ()
        },
        rooms={
            number: Room(room_id, name, address)
            for number, room_id, name, address in loaded.rooms or ()
        },
        provider_version=loaded.setup_version,
        practice_version=loaded.practice_version,
        version=max(loaded.setup_version, loaded.practice_version),
    )


def _minutes(taken: TakenTime) -> tuple[int, int]:
    """Return start and end in whole minutes since 1970, rounded outwards."""
    end = taken.end_time.seconds + (1 if taken.end_time.nanos else 0)
    return taken.start_time.seconds // 60, -(-end // 60)
