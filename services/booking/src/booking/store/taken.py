"""Taken time: occupancy and revisions (design, "The write path").

Locks are taken in one order everywhere: occupancy by resource number, then the resources' rows by
number. The latter are held until the commit, so that a resource's revisions, and the events that
carry them, are without gaps and in the order of commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Result, delete, select, text
from sqlalchemy.orm import Session

from booking.domain.taking import Change, Resource, SlotTaken, Taking
from booking.store.tables import Occupancy, ResourceRow

# A plain INSERT that catches the violation deadlocks under a race; this never does. Whatever
# conflicts and has not committed yet is waited for.
_TAKE = text(
    """
WITH taken AS (
    INSERT INTO occupancy
        (practice_id, resource, start_at, end_at, session_start, session_end, kind, ref, expires_at)
    SELECT
        :practice_id, number, :start, :end, :session_start, :session_end, :kind, :ref,
        CAST(:expires_at AS timestamptz)
    FROM unnest(CAST(:numbers AS bigint[])) AS wanted (number)
    ORDER BY number
    ON CONFLICT DO NOTHING
    RETURNING resource
)
INSERT INTO resources AS r (number, resource_id, practice_id, revision)
SELECT number, resource_id, :practice_id, 1
FROM unnest(CAST(:changed AS bigint[]), CAST(:changed_ids AS uuid[])) AS c (number, resource_id)
WHERE (SELECT count(*) FROM taken) = :count
ORDER BY number
ON CONFLICT (number) DO UPDATE SET revision = r.revision + 1
RETURNING number, revision
"""
)
_CHANGE = text(
    """
WITH changed AS (
    SELECT number FROM resources WHERE number = ANY(CAST(:changed AS bigint[]))
    ORDER BY number FOR UPDATE
)
UPDATE resources AS r SET revision = revision + 1 FROM changed WHERE r.number = changed.number
RETURNING r.number, r.revision
"""
)
_RELEASE = text(
    """
WITH theirs AS (
    SELECT id FROM occupancy WHERE ref = ANY(CAST(:refs AS uuid[])) ORDER BY resource FOR UPDATE
)
DELETE FROM occupancy AS o USING theirs, resources AS r
WHERE o.id = theirs.id AND r.number = o.resource
RETURNING r.number, r.resource_id, o.ref
"""
)

_ATTEMPTS = 3  # what is in the way may vanish meanwhile, and something else come

_Released = dict[Resource, tuple[UUID, ...]]


def take(
    session: Session, taking: Taking, now: datetime, instead_of: Sequence[UUID] = ()
) -> list[Change]:
    """Take time, instead of what these refs take so far; raises SlotTaken if any of it is taken.
    Holds that have lapsed are in nobody's way."""
    released = _delete(session, instead_of)
    for _ in range(_ATTEMPTS):
        if revisions := _insert(session, taking, released):
            return _changes(taking.practice_id, revisions, taking, released)
        blocking = _in_the_way(session, taking)
        if any(expires_at is None or expires_at > now for expires_at in blocking.values()):
            break
        # All is inserted again, what was inserted beside the lapsed holds too.
        session.execute(delete(Occupancy).where(Occupancy.ref == taking.ref))
        for resource, refs in _delete(session, list(blocking)).items():
            released[resource] = (*released.get(resource, ()), *refs)
    raise SlotTaken(revision=str(revision(session, taking.resources[0].number)))


def release(session: Session, practice_id: UUID, ref: UUID) -> list[Change]:
    """Let go what a booking or a hold takes; nothing, if it takes nothing."""
    released = _delete(session, [ref])
    if not released:
        return []
    bumped = session.execute(_CHANGE, {"changed": [resource.number for resource in released]})
    return _changes(practice_id, _revisions(bumped), None, released)


def revision(session: Session, number: int) -> int:
    """A resource's revision; 0 before anything was ever taken of it."""
    found = session.scalar(select(ResourceRow.revision).where(ResourceRow.number == number))
    return found or 0


def list_taken(session: Session, number: int, now: datetime) -> tuple[int, list[Taking]]:
    """A resource's revision, and all that is taken of it and has not ended: in one statement,
    hence of one moment."""
    rows = session.execute(
        select(ResourceRow, Occupancy)
        .outerjoin(Occupancy, (Occupancy.resource == ResourceRow.number) & (Occupancy.end_at > now))
        .where(ResourceRow.number == number)
        .order_by(Occupancy.start_at)
    ).all()
    takings = [
        Taking(
            ref=row.ref,
            practice_id=row.practice_id,
            kind=row.kind,
            resources=(Resource(resource.number, resource.resource_id),),
            start=row.start_at,
            end=row.end_at,
            session_start=row.session_start,
            session_end=row.session_end,
            expires_at=row.expires_at,
        )
        for resource, row in rows
        if row
    ]
    return (rows[0][0].revision if rows else 0), takings


def _insert(session: Session, taking: Taking, released: _Released) -> dict[int, int]:
    """The new revisions by resource number; none, if something is in the way."""
    changed = [*taking.resources, *(r for r in released if r not in taking.resources)]
    bumped = session.execute(
        _TAKE,
        {
            "practice_id": taking.practice_id,
            "numbers": [r.number for r in taking.resources],
            "count": len(taking.resources),
            "start": taking.start,
            "end": taking.end,
            "session_start": taking.session_start,
            "session_end": taking.session_end,
            "kind": taking.kind,
            "ref": taking.ref,
            "expires_at": taking.expires_at,
            "changed": [r.number for r in changed],
            "changed_ids": [r.id for r in changed],
        },
    )
    return _revisions(bumped)


def _revisions(bumped: Result[Any]) -> dict[int, int]:
    return {row.number: row.revision for row in bumped}


def _changes(
    practice_id: UUID, revisions: dict[int, int], taking: Taking | None, released: _Released
) -> list[Change]:
    taken = taking.resources if taking else ()
    resources = sorted({*taken, *released}, key=lambda resource: resource.number)
    return [
        Change(
            practice_id, r, revisions[r.number], taking if r in taken else None, released.get(r, ())
        )
        for r in resources
    ]


def _delete(session: Session, refs: Sequence[UUID]) -> _Released:
    released: _Released = {}
    if refs:
        for number, resource_id, ref in session.execute(_RELEASE, {"refs": list(refs)}):
            resource = Resource(number, resource_id)
            released[resource] = (*released.get(resource, ()), ref)
    return released


def _in_the_way(session: Session, taking: Taking) -> dict[UUID, datetime | None]:
    """What overlaps, and when it lapses."""
    found = session.execute(
        select(Occupancy.ref, Occupancy.expires_at).where(
            Occupancy.resource.in_([resource.number for resource in taking.resources]),
            Occupancy.end_at > taking.start,
            Occupancy.start_at < taking.end,
            Occupancy.ref != taking.ref,
        )
    )
    return {row.ref: row.expires_at for row in found}
