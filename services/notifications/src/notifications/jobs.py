"""The job that sends the notices of a booking (spec NT-3).

One worker at a time has the job of a booking, so replicas neither send a notice twice nor out of
order.
"""

from uuid import UUID

from common.jobs.jobs import Job, JobContext, Jobs
from notifications.actions import delivery, queueing
from notifications.actions.delivery import Delivery
from notifications.actions.queueing import DELIVER
from notifications.store import notices as store

jobs = Jobs({"mail": 4})


@jobs.on(DELIVER, lane="mail")
def deliver(job: Job, context: JobContext[Delivery]) -> None:
    """Send the queued notices of a booking. Run again when a notice that is left is due."""
    booking_id, _, recipient = job.key.partition(":")
    if recipient:
        _plan_for_booking(job, context, UUID(booking_id))
        return
    with context.transaction() as session:
        notices = store.of_booking(session, UUID(booking_id))
    tried = context.peers.deliver(notices, context.now)
    with context.settle() as session:
        session.add_all(notices)
        for notice in tried:
            delivery.record(session, notice)
        if left := delivery.queued(notices):
            context.again(min(notice.next_attempt_at or context.now for notice in left))


def _plan_for_booking(job: Job, context: JobContext[Delivery], booking_id: UUID) -> None:
    """Replace a plan of an earlier release, which made one for each recipient of a booking.

    Its notices must not be sent here: the job of the booking may be sending them right now.
    """
    with context.settle() as session:
        queueing.plan(session, job.practice_id, booking_id, context.now)
