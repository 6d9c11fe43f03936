"""What happens at a time: holds lapse, requests expire (spec BK-3, PF-6)."""

from uuid import UUID

from booking import changes, making
from booking.domain.status import Status
from booking.store import bookings
from common import audit
from common.jobs.worker import Job, JobContext, Jobs

jobs = Jobs()


@jobs.on(making.EXPIRE_HOLD)
def expire_hold(job: Job, context: JobContext[None]) -> None:
    """Free the time of a hold that has lapsed."""
    with context.settle() as session:
        making.let_go(session, job.practice_id, UUID(job.key))


@jobs.on(making.EXPIRE_REQUEST)
def expire_request(job: Job, context: JobContext[None]) -> None:
    """Expire a request that nobody has answered before its time came."""
    with context.settle() as session:
        row = bookings.find(session, UUID(job.key))
        if row and row.status == Status.REQUESTED:
            changes.expire(session, row, changes.Act("system", "", context.now))
            audit.record(session, "booking.expire", booking=row.id, client=row.client_id)
