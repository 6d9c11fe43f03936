"""The projection of taken time: for each resource, the sum of booking's events so far.

When an event was missed, a job is planned that fetches the whole resource from booking. As long as
the job is due, searches do not rely on the projection of that resource.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from attune.booking.v1.booking_pb2 import TAKEN_KIND_BOOKING, TakenTime
from attune.booking.v1.events_pb2 import TakenTimeChanged
from availability.store.tables import Taken, TakenRevision
from common import proto
from common.jobs.schedule import schedule

FETCH = "fetch_taken"
"""The kind of the job; its key is the resource number."""
_KEPT = timedelta(days=2)  # ended time stays for so long


_FETCH_EVERYTHING = text(
    """
INSERT INTO due (kind, key, practice_id, due_at)
SELECT :kind, number::text, practice_id, :now
FROM (
    SELECT number, practice_id FROM providers UNION ALL
    SELECT number, practice_id FROM physical_rooms
) AS resources
ORDER BY number
ON CONFLICT DO NOTHING
"""
)


def reached(session: Session, number: int) -> int:
    """Return the revision that the projection of a resource has reached."""
    of_resource = select(TakenRevision.revision).where(TakenRevision.resource_number == number)
    return session.scalar(of_resource) or 0


def of(session: Session, number: int) -> tuple[int, Sequence[Taken]]:
    """Return the revision that the projection of a resource has reached, and its rows.

    One statement reads both, so they belong together.
    """
    both = (
        select(TakenRevision.revision, Taken)
        .outerjoin(Taken, Taken.resource_number == TakenRevision.resource_number)
        .where(TakenRevision.resource_number == number)
    )
    rows = session.execute(both).all()
    if not rows:  # time of a resource whose revision is lost
        lost = session.scalars(select(Taken).where(Taken.resource_number == number)).all()
        return 0, lost
    return rows[0].revision, [row.Taken for row in rows if row.Taken]


def fetch(session: Session, practice_id: UUID, number: int, now: datetime) -> None:
    """Plan to fetch a resource from booking. The caller must not have locked the resource: the
    worker locks it too."""
    schedule(session, FETCH, number, practice_id, now, now=True)


def fetch_everything(session: Session, now: datetime) -> None:
    """Plan to fetch every resource of every practice from booking."""
    session.execute(_FETCH_EVERYTHING, {"kind": FETCH, "now": now})


def lock(session: Session, practice_id: UUID, number: int) -> int:
    """Lock the projection of a resource, so that other transactions wait to change it, and return
    the revision that it has reached."""
    begun = insert(TakenRevision).values(
        resource_number=number, practice_id=practice_id, revision=0
    )
    session.execute(begun.on_conflict_do_nothing())
    of_resource = select(TakenRevision.revision).where(TakenRevision.resource_number == number)
    return session.execute(of_resource.with_for_update()).scalar_one()


def apply(session: Session, event: TakenTimeChanged, now: datetime) -> None:
    """Apply an event to the projection of a locked resource."""
    number, gone = event.resource_number, [*event.released, *(t.ref for t in event.taken)]
    old = Taken.ref.in_(gone) | (Taken.end_at < now - _KEPT)
    session.execute(delete(Taken).where(Taken.resource_number == number, old))
    _take(session, UUID(event.practice_id), number, event.taken)
    _reach(session, number, event.revision)


def replace(
    session: Session, practice_id: UUID, number: int, revision: int, taken: Iterable[TakenTime]
) -> None:
    """Replace the projection of a locked resource with booking's own list."""
    session.execute(delete(Taken).where(Taken.resource_number == number))
    _take(session, practice_id, number, taken)
    _reach(session, number, revision)


def sessions(session: Session, number: int, now: datetime) -> Sequence[Taken]:
    """Return the upcoming bookings of a resource."""
    upcoming = select(Taken).where(
        Taken.resource_number == number, Taken.end_at > now, Taken.session_start_at > now
    )
    return session.scalars(upcoming.where(Taken.kind == TAKEN_KIND_BOOKING)).all()


def _take(session: Session, practice_id: UUID, number: int, taken: Iterable[TakenTime]) -> None:
    rows = {
        each.ref: {
            "resource_number": number,
            "ref": each.ref,
            "practice_id": practice_id,
            "start_at": proto.instant(each.start_time),
            "end_at": proto.instant(each.end_time),
            "session_start_at": proto.instant(each.session_start_time),
            "session_end_at": proto.instant(each.session_end_time),
            "kind": each.kind,
        }
        for each in taken
    }
    if rows:
        session.execute(insert(Taken), list(rows.values()))


def _reach(session: Session, number: int, revision: int) -> None:
    of_resource = update(TakenRevision).where(TakenRevision.resource_number == number)
    session.execute(of_resource.values(revision=revision))
