"""Occupancy and revisions (services/booking/README.md, "How time is taken").

Nothing here deadlocks, because all locks are waited for in one order: first the row of a hold, if
one is removed; then occupancy, one resource after the other by number, stopping at the first that
is taken; then the rows of the resources by number, which stay locked until the commit. Hence
revisions, and the events that carry them, have no gaps and are in the order of commits. Two
transactions that each replace a hold could still wait for each other at one resource, so they
queue up before.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Result, TextClause, select, text
from sqlalchemy.orm import Session

from booking.domain.occupancy import (
    BlockedByExpiredHolds,
    OccupancyChange,
    Resource,
    SlotTaken,
    TakenTime,
)
from booking.store.tables import Occupancy, ResourceRow

# A plain INSERT that catches the violation deadlocks under a race; DO NOTHING never does: it waits
# for a conflicting row that has not committed yet.
_STEP = """
gone_{n} AS (
    DELETE FROM occupancy
    WHERE ref = CAST(:own AS uuid) AND resource = :number_{n} AND {ready}
    RETURNING resource
), taken_{n} AS (
    INSERT INTO occupancy
        (practice_id, resource, start_at, end_at, session_start, session_end, kind, ref, expires_at)
    SELECT
        :practice_id, :number_{n}, :start, :end, :session_start, :session_end, :kind, :ref,
        CAST(:expires_at AS timestamptz)
    WHERE :wanted_{n} AND {ready} AND (SELECT count(*) FROM gone_{n}) >= 0
    ON CONFLICT DO NOTHING
    RETURNING resource
)
"""
_TAKE = """
WITH {steps}
INSERT INTO resources AS r (number, resource_id, practice_id, revision)
SELECT number, resource_id, :practice_id, 1
FROM unnest(CAST(:numbers AS bigint[]), CAST(:ids AS uuid[])) AS touched (number, resource_id)
WHERE {ready}
ORDER BY number
ON CONFLICT (number) DO UPDATE SET revision = r.revision + 1
RETURNING number, revision
"""
_RELEASE = text(
    """
WITH theirs AS (
    SELECT id FROM occupancy WHERE ref = :ref ORDER BY resource FOR UPDATE
)
DELETE FROM occupancy AS o USING theirs, resources AS r
WHERE o.id = theirs.id AND r.number = o.resource
RETURNING r.number, r.resource_id
"""
)
_BUMP = text(
    """
WITH touched AS (
    SELECT number FROM resources WHERE number = ANY(CAST(:numbers AS bigint[]))
    ORDER BY number FOR UPDATE
)
UPDATE resources AS r SET revision = revision + 1 FROM touched WHERE r.number = touched.number
RETURNING r.number, r.revision
"""
)
_QUEUE = text(
    """
SELECT pg_advisory_xact_lock(:namespace, key)
FROM (
    SELECT DISTINCT CAST(number % 2147483647 AS integer) AS key
    FROM unnest(CAST(:numbers AS bigint[])) AS n (number)
    ORDER BY key
) AS keys
"""
)
_REPLACING = 0x0A77_0CC1  # namespace of the advisory locks of those who replace a hold


def take(
    session: Session, wanted: TakenTime, now: datetime, instead_of: UUID | None = None
) -> list[OccupancyChange]:
    """Take time, and release the time of the hold `instead_of`.

    The caller has removed the row of that hold. Raises SlotTaken if any of the time is taken,
    BlockedByExpiredHolds if only expired holds are in the way.
    """
    own = _queue_up(session, wanted, instead_of) if instead_of else ()
    touched = sorted({*wanted.resources, *own}, key=_number)
    revisions = _revisions(
        session.execute(_statement(len(touched)), _parameters(wanted, touched, instead_of))
    )
    if not revisions:
        raise _refusal(session, wanted, now, instead_of)
    return [
        OccupancyChange(
            wanted.practice_id,
            resource,
            revisions[resource.number],
            wanted if resource in wanted.resources else None,
            (instead_of,) if instead_of and resource in own else (),
        )
        for resource in touched
    ]


def release(session: Session, practice_id: UUID, ref: UUID) -> list[OccupancyChange]:
    """Release the time that a booking or a hold takes; return no changes if it takes none."""
    found = session.execute(_RELEASE, {"ref": ref})
    released = sorted((Resource(row.number, row.resource_id) for row in found), key=_number)
    if not released:
        return []
    bumped = session.execute(_BUMP, {"numbers": [resource.number for resource in released]})
    revisions = _revisions(bumped)
    return [OccupancyChange(practice_id, r, revisions[r.number], None, (ref,)) for r in released]


def revision(session: Session, number: int) -> int:
    """Return a resource's revision; 0 if it was never taken."""
    found = session.scalar(select(ResourceRow.revision).where(ResourceRow.number == number))
    return found or 0


def list_taken(session: Session, number: int, now: datetime) -> tuple[int, list[TakenTime]]:
    """Return a resource's revision and its taken time that has not ended.

    One statement reads both, so they belong together.
    """
    rows = session.execute(
        select(ResourceRow, Occupancy)
        .outerjoin(Occupancy, (Occupancy.resource == ResourceRow.number) & (Occupancy.end_at > now))
        .where(ResourceRow.number == number)
        .order_by(Occupancy.start_at)
    ).all()
    taken = [
        TakenTime(
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
    return (rows[0][0].revision if rows else 0), taken


@cache
def _statement(count: int) -> TextClause:
    """Return the statement that takes up to `count` resources.

    Each step waits for the one before it, and the revisions wait for all of them.
    """
    steps, ready = [], "true"
    for n in range(count):
        steps.append(_STEP.format(n=n, ready=ready))
        ready += f" AND (NOT :wanted_{n} OR EXISTS (SELECT FROM taken_{n}))"
    return text(_TAKE.format(steps=", ".join(steps), ready=ready))


def _parameters(
    wanted: TakenTime, touched: Sequence[Resource], instead_of: UUID | None
) -> dict[str, Any]:
    return {
        "practice_id": wanted.practice_id,
        "start": wanted.start,
        "end": wanted.end,
        "session_start": wanted.session_start,
        "session_end": wanted.session_end,
        "kind": wanted.kind,
        "ref": wanted.ref,
        "expires_at": wanted.expires_at,
        "own": instead_of,
        "numbers": [resource.number for resource in touched],
        "ids": [resource.id for resource in touched],
        **{f"number_{n}": resource.number for n, resource in enumerate(touched)},
        **{f"wanted_{n}": resource in wanted.resources for n, resource in enumerate(touched)},
    }


def _queue_up(session: Session, wanted: TakenTime, hold_id: UUID) -> Sequence[Resource]:
    """Wait until no other transaction replaces a hold on these resources; return the hold's
    resources."""
    own = [
        Resource(row.number, row.resource_id)
        for row in session.execute(
            select(ResourceRow.number, ResourceRow.resource_id)
            .join(Occupancy, Occupancy.resource == ResourceRow.number)
            .where(Occupancy.ref == hold_id)
        )
    ]
    numbers = [resource.number for resource in (*wanted.resources, *own)]
    session.execute(_QUEUE, {"namespace": _REPLACING, "numbers": numbers})
    return own


def _refusal(
    session: Session, wanted: TakenTime, now: datetime, instead_of: UUID | None
) -> SlotTaken | BlockedByExpiredHolds:
    """Return the error for time that could not be taken."""
    found = session.execute(
        select(Occupancy.ref, Occupancy.expires_at).where(
            Occupancy.resource.in_([resource.number for resource in wanted.resources]),
            Occupancy.end_at > wanted.start,
            Occupancy.start_at < wanted.end,
            Occupancy.ref.not_in([wanted.ref, *([instead_of] if instead_of else [])]),
        )
    )
    expiries: dict[UUID, datetime | None] = {row.ref: row.expires_at for row in found}
    if all(at and at <= now for at in expiries.values()):
        return BlockedByExpiredHolds(tuple(expiries))
    return SlotTaken(revision=str(revision(session, wanted.resources[0].number)))


def _revisions(bumped: Result[Any]) -> dict[int, int]:
    return {row.number: row.revision for row in bumped}


def _number(resource: Resource) -> int:
    return resource.number
