"""Jobs: work that is due at a given instant."""

from datetime import timedelta

from availability.adapters.booking import Occupancy
from availability.store import taken
from common.errors import Unavailable
from common.jobs.jobs import Job, JobContext, Jobs, Later

jobs = Jobs()
_RETRY = timedelta(seconds=2)


@jobs.on(taken.FETCH)
def fetch(job: Job, context: JobContext[Occupancy]) -> None:
    """Replace the projection of one resource with booking's own list.

    If events have made the projection newer than the list, the list is dropped.
    """
    number = int(job.key)
    try:
        answer = context.peers.list_taken(job.practice_id, number)
    except Unavailable:
        raise Later(context.now + _RETRY) from None
    with context.settle() as session:
        if answer.revision >= taken.lock(session, job.practice_id, number):
            taken.replace(session, job.practice_id, number, answer.revision, answer.taken)
