"""What happens at a time: holds lapse, requests expire (spec BK-3, PF-6).

Plans are never cancelled: whoever released a hold or answered a request would wait here for a
worker that waits for them. Work that finds nothing to do is done.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from booking import changes, making
from booking.domain.status import Status
from booking.store import bookings
from common import audit
from common.jobs.due import Due, Handler


def expire_hold(work: Due, session: Session, now: datetime) -> None:
    """A hold has lapsed: its time is free."""
    making.let_go(session, work.practice_id, UUID(work.key))


def expire_request(work: Due, session: Session, now: datetime) -> None:
    """The time of a request has come: unless somebody has answered, it expires."""
    row = bookings.find(session, UUID(work.key))
    if row and row.status == Status.REQUESTED:
        changes.expire(session, row, changes.Act("system", "", now))
        audit.record(session, "booking.expire", booking=row.id, client=row.client_id)


HANDLERS: dict[str, Handler] = {
    making.EXPIRE_HOLD: expire_hold,
    making.EXPIRE_REQUEST: expire_request,
}
