"""What happens at a time: holds lapse, requests expire (spec BK-3, PF-6).

Plans are never cancelled: whoever released a hold or answered a request would wait here for a
worker that waits for them. Work that finds nothing to do is done.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from booking import changes, facts
from booking.domain.status import Status
from booking.store import bookings, holds, taken
from common.due import Due, Handler
from common.outbox import emit

EXPIRE_HOLD = "expire_hold"
EXPIRE_REQUEST = "expire_request"


def expire_hold(work: Due, session: Session, now: datetime) -> None:
    """A hold has lapsed: its time is free."""
    hold_id = UUID(work.key)
    holds.forget(session, hold_id)
    released = taken.release(session, work.practice_id, hold_id)
    emit(session, *(facts.taken_time_changed(change) for change in released))


def expire_request(work: Due, session: Session, now: datetime) -> None:
    """The time of a request has come: unless somebody has answered, it expires."""
    row = bookings.find(session, UUID(work.key))
    if row and row.status == Status.REQUESTED:
        changes.expire(session, row, changes.Act("system", "", now))


HANDLERS: dict[str, Handler] = {EXPIRE_HOLD: expire_hold, EXPIRE_REQUEST: expire_request}
