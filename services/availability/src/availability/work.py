"""What is fetched from booking when its events have been missed."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from availability.adapters.booking import Occupancy
from availability.store import taken
from common.errors import Unavailable
from common.jobs.due import Due, Handler, Later

_RETRY = timedelta(seconds=2)


def handlers(booking: Occupancy) -> dict[str, Handler]:
    """The due work of availability."""

    def fetch(work: Due, session: Session, now: datetime) -> None:
        """Replace the projection of one resource, unless events have got further meanwhile."""
        number = int(work.key)
        try:
            answer = booking.list_taken(work.practice_id, number)
        except Unavailable:
            raise Later(now + _RETRY) from None
        if answer.revision >= taken.lock(session, work.practice_id, number):
            taken.replace(session, work.practice_id, number, answer.revision, answer.taken)

    return {taken.FETCH: fetch}
