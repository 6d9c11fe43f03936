"""Jobs that expire holds and unanswered requests, and audit occupancy (spec BK-2, BK-3, PF-6)."""

from datetime import timedelta
from uuid import UUID

from booking.actions import auditing, holds, transitions
from booking.domain.actor import SYSTEM
from booking.domain.status import Status
from booking.store import bookings
from common import audit
from common.jobs.jobs import Job, JobContext, Jobs

jobs = Jobs()


@jobs.on(holds.EXPIRE_HOLD)
def expire_hold(job: Job, context: JobContext[None]) -> None:
    """Release the time of an expired hold."""
    with context.settle() as session:
        holds.expire(session, job.practice_id, UUID(job.key))


@jobs.on(transitions.EXPIRE_REQUEST)
def expire_request(job: Job, context: JobContext[None]) -> None:
    """Expire a request that nobody answered before its start."""
    with context.settle() as session:
        row = bookings.find_locked(session, UUID(job.key))
        if row and row.status == Status.REQUESTED:
            transitions.expire(session, row, SYSTEM, context.now)
            audit.record(session, "booking.expire", booking=row.id, client=row.client_id)


@jobs.every(timedelta(minutes=5), "audit_overlaps", lane="overlaps")
def audit_overlaps(job: Job, context: JobContext[None]) -> None:
    """Look for bookings of one resource that overlap."""
    with context.settle() as session:
        auditing.audit_overlaps(session, context.now)
