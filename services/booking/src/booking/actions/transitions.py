"""Changes of a locked booking's status: answers to requests, the session, expiry (spec BK-9).

Each moves the status, adds an entry to the history, and emits an event. Plans are cancelled last,
in the order in which the worker locks rows as well.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import (
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingStarted,
    SessionReopened,
)
from booking import messages
from booking.actions.recording import record_change, release_time
from booking.domain import reopening
from booking.domain.actor import Actor
from booking.domain.status import Status, answer, move, take_place
from booking.store import bookings, clients
from booking.store.tables import Booking
from common import proto
from common.errors import Stale
from common.jobs import schedule
from common.messaging.outbox import emit

EXPIRE_REQUEST = "expire_request"


def confirm(session: Session, row: Booking, by: Actor, now: datetime) -> None:
    """Approve a request. Raises WrongStatus."""
    row.status = answer(Status(row.status), Status.CONFIRMED, row.start_at, now)
    record_change(row, "confirmed", by, now)
    emit(session, BookingConfirmed(booking=messages.booking_fact(row), was_requested=True))
    schedule.cancel(session, EXPIRE_REQUEST, row.id)


def decline(session: Session, row: Booking, by: Actor, now: datetime, reason_text: str) -> None:
    """Decline a request and release its time. Raises WrongStatus."""
    row.status = answer(Status(row.status), Status.DECLINED, row.start_at, now)
    row.reason_text = reason_text
    changes = release_time(session, row)
    record_change(row, "declined", by, now)
    emit(session, *changes, BookingDeclined(booking=messages.booking_fact(row)))
    schedule.cancel(session, EXPIRE_REQUEST, row.id)


def expire(session: Session, row: Booking, by: Actor, now: datetime) -> None:
    """Expire a request that nobody answered before its start; the worker settles its plan.

    Raises WrongStatus.
    """
    row.status = move(Status(row.status), Status.EXPIRED)
    changes = release_time(session, row)
    record_change(row, "expired", by, now)
    emit(session, *changes, BookingExpired(booking=messages.booking_fact(row)))


def start(session: Session, row: Booking, by: Actor, now: datetime) -> None:
    """Start the session. Raises WrongStatus or SessionTooEarly."""
    row.status = take_place(Status(row.status), Status.IN_PROGRESS, row.start_at, now)
    row.cancellation_requested = False
    record_change(row, reopening.STARTED, by, now)
    emit(session, BookingStarted(booking=messages.booking_fact(row)))


def complete(session: Session, row: Booking, by: Actor, now: datetime) -> None:
    """Complete the session; a new client becomes active (spec CL-2).

    Raises WrongStatus or SessionTooEarly.
    """
    row.status = take_place(Status(row.status), Status.COMPLETED, row.start_at, now)
    row.cancellation_requested = False
    clients.lock(session, row.client)
    if row.client.status == clients.NEW:
        row.client.status = clients.ACTIVE
    record_change(row, reopening.COMPLETED, by, now)
    emit(session, BookingCompleted(booking=messages.booking_fact(row)))


def reopen(session: Session, row: Booking, by: Actor, now: datetime, version: int) -> None:
    """Undo the latest start or completion of the session, which led to `version` (spec BK-14).

    A client whose only completed session is undone becomes new again. Raises Stale, WrongStatus,
    SessionPaid, or ReopenTooLate.
    """
    if version != row.version:
        raise Stale(field="version")
    before = Status(row.status)
    history = [reopening.SessionChange(entry.change, entry.changed_at) for entry in row.history]
    row.status = reopening.reopen(before, history, row.payment_status, now)
    if before is Status.COMPLETED:
        clients.lock(session, row.client)
        if row.client.status == clients.ACTIVE and not bookings.has_completed(session, row):
            row.client.status = clients.NEW
    record_change(row, reopening.REOPENED, by, now)
    reopened = SessionReopened(booking=messages.booking_fact(row), reopen_time=proto.timestamp(now))
    emit(session, reopened)
