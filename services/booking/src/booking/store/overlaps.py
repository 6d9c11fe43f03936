"""The audit of occupancy: bookings of one resource that overlap (spec BK-2).

It does not rely on the exclusion constraint, nor on what the constraint covers: a booking claims
its provider by its own row, with the buffers of its occupancy, even if its occupancy is lost.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_LISTED = 100

_OVERLAPS = text(
    """
WITH active AS (
    SELECT id, practice_id, provider_id, start_at, end_at FROM bookings
    WHERE end_at > :since AND status IN ('requested', 'confirmed', 'in_progress')
), claims AS MATERIALIZED (
    SELECT DISTINCT ON (resource, booking_id) * FROM (
        SELECT o.resource, b.id AS booking_id, b.practice_id,
            b.start_at - (o.session_start - o.start_at) AS start_at,
            b.end_at + (o.end_at - o.session_end) AS end_at
        FROM active AS b JOIN occupancy AS o ON o.ref = b.id
        UNION ALL
        SELECT r.number, b.id, b.practice_id, b.start_at, b.end_at
        FROM active AS b JOIN resources AS r ON r.resource_id = b.provider_id
    ) AS every
    ORDER BY resource, booking_id, end_at - start_at DESC
), later AS (
    SELECT *, max(end_at) OVER (
        PARTITION BY resource ORDER BY start_at, booking_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) > start_at AS is_overlap
    FROM claims
), found AS (
    SELECT resource, booking_id, practice_id, start_at, count(*) OVER () AS total
    FROM later WHERE is_overlap LIMIT :listed
)
SELECT f.total, f.resource, f.booking_id, f.practice_id, (
    SELECT e.booking_id FROM claims AS e
    WHERE e.resource = f.resource AND e.booking_id <> f.booking_id
        AND e.start_at <= f.start_at AND e.end_at > f.start_at
    ORDER BY e.start_at LIMIT 1
) AS other_id
FROM found AS f ORDER BY f.resource, f.start_at
"""
)


class Overlap(NamedTuple):
    """A booking that begins while another one of the same resource, buffers included, lasts."""

    resource: int
    booking_id: UUID
    other_id: UUID
    practice_id: UUID


def find(session: Session, since: datetime) -> tuple[int, Sequence[Overlap]]:
    """Return the number of overlapping bookings that end after `since`, and the first of them.

    One statement reads those bookings and their occupancy, and nothing older.
    """
    rows = session.execute(_OVERLAPS, {"since": since, "listed": _LISTED}).all()
    overlaps = [Overlap(r.resource, r.booking_id, r.other_id, r.practice_id) for r in rows]
    return (rows[0].total if rows else 0), overlaps
