"""The projection of taken time, compared with booking and repaired (spec PF-4)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import grpc
from sqlalchemy import text

from attune.availability.v1.events_pb2 import PracticeChanged
from attune.booking.v1.booking_pb2 import TakenTime
from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeResponse
from availability.adapters.booking import Occupancy
from availability.store import practices, taken
from availability.store.tables import Taken
from common import proto
from common.db.database import EVERY_PRACTICE, Database
from common.messaging.outbox import emit
from common.upkeep.projections import Difference

_PAGE = 200
_LOOKS = 3  # at a resource whose time keeps changing
_ENDS = timedelta(minutes=1)  # time that ends meanwhile is not compared

_RESOURCES = text(
    """
SELECT number, practice_id FROM (
    SELECT number, practice_id FROM providers UNION
    SELECT number, practice_id FROM physical_rooms UNION
    SELECT resource_number, practice_id FROM taken_revisions UNION
    SELECT resource_number, practice_id FROM taken
) AS known
WHERE number > :after ORDER BY number LIMIT :most
"""
)


class Interval(NamedTuple):
    """Time taken of a resource, in a form that compares."""

    ref: str
    kind: int
    start_at: datetime
    end_at: datetime
    session_start_at: datetime
    session_end_at: datetime


class TakenTimes:
    """The projection of taken time, by resource number."""

    name = "taken"
    source = "booking"

    def differences(
        self, database: Database, source: grpc.Channel, now: datetime
    ) -> Iterator[Difference | None]:
        """Compare each resource with booking's own list."""
        booking, after = Occupancy(source), 0
        while True:
            with database.transaction(EVERY_PRACTICE) as session:
                page = session.execute(_RESOURCES, {"after": after, "most": _PAGE}).all()
            for number, practice_id in page:
                if kind := _difference(database, booking, number, now):
                    yield Difference(kind, str(practice_id), str(number))
            yield None
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def repair(
        self, database: Database, source: grpc.Channel, found: Difference, now: datetime
    ) -> bool:
        """Replace the taken time of one resource by booking's own list.

        Replicas then load the practice's providers again: a snapshot that was loaded from the wrong
        rows would stay wrong.
        """
        number, practice_id = int(found.id), UUID(found.practice_id)
        with database.transaction(practice_id) as session:
            taken.lock(session, practice_id, number)
            # Whatever was applied before the lock is in this answer; later events wait.
            answer = Occupancy(source).list_all_taken(number)
            taken.replace(session, practice_id, number, answer.revision, answer.taken)
            practice = practices.get(session, practice_id, lock=True)
            practice.changes += 1
            practice.setup_version = practice.changes
            session.flush()
            emit(
                session,
                PracticeChanged(practice_id=found.practice_id, version=practice.setup_version),
            )
        return True


def _difference(database: Database, booking: Occupancy, number: int, now: datetime) -> str | None:
    """Return how the projection of a resource differs from booking's list, or None.

    A revision whose event is on its way is looked at again, at most _LOOKS times in all: a
    projection that stays behind what booking said at first has missed it.
    """
    at_first = 0
    for look in range(_LOOKS):
        answer = booking.list_all_taken(number)
        with database.transaction(EVERY_PRACTICE) as session:
            reached, rows = taken.of(session, number)
        at_first = at_first if look else answer.revision
        if reached == answer.revision:
            return _kind(rows, answer, now)
        if reached > answer.revision and booking.list_all_taken(number).revision < reached:
            return "different"  # the source was restored from a backup
    return "different" if reached < at_first else None


def _kind(rows: Sequence[Taken], answer: ListTakenTimeResponse, now: datetime) -> str | None:
    soon = now + _ENDS
    here = {_of_row(row) for row in rows if row.end_at > soon}
    there = {_of_message(each) for each in answer.taken if proto.instant(each.end_time) > soon}
    if here == there:
        return None
    refs_here, refs_there = {each.ref for each in here}, {each.ref for each in there}
    if refs_here < refs_there:
        return "missing"
    return "extra" if refs_here > refs_there else "different"


def _of_row(row: Taken) -> Interval:
    return Interval(
        row.ref, row.kind, row.start_at, row.end_at, row.session_start_at, row.session_end_at
    )


def _of_message(each: TakenTime) -> Interval:
    return Interval(
        each.ref,
        each.kind,
        proto.instant(each.start_time),
        proto.instant(each.end_time),
        proto.instant(each.session_start_time),
        proto.instant(each.session_end_time),
    )


projection = TakenTimes()
