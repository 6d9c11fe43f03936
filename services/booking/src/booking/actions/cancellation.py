"""Cancellations of a locked booking, by staff and by clients (spec CN-1, CN-2)."""

from datetime import datetime

from sqlalchemy.orm import Session

from attune.booking.v1.booking_pb2 import CancelledBy as CancelledByMessage
from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    CancellationDeclined,
    CancellationRequested,
)
from booking import messages
from booking.actions.recording import record_change, release_time
from booking.actions.transitions import EXPIRE_REQUEST
from booking.domain.actor import Actor
from booking.domain.cancellation import (
    CLIENT_REQUEST,
    Cancellation,
    CancelledBy,
    NoCancellationRequested,
)
from booking.domain.status import Status, move
from booking.store.tables import Booking
from common import proto
from common.jobs import schedule
from common.messaging.outbox import emit


def cancel_as_practice(
    session: Session,
    row: Booking,
    by: Actor,
    now: datetime,
    *,
    reason: str,
    reason_text: str,
    tell_client: bool,
) -> None:
    """Cancel for the practice (spec CN-1). Raises WrongStatus.

    If the client asked for the cancellation and staff give that as the reason, it counts as the
    client's own.
    """
    is_clients = row.cancellation_requested and reason == CLIENT_REQUEST
    side = CancelledBy.CLIENT if is_clients else CancelledBy.PRACTICE
    words = reason_text or row.reason_text
    _cancel(session, row, by, now, Cancellation(side, reason, words, tell_client))


def cancel_as_client(
    session: Session, row: Booking, by: Actor, now: datetime, reason_text: str
) -> None:
    """Cancel for the client, or ask the practice to (spec CN-2); asking again changes nothing.

    Raises WrongStatus, CancellationNotAllowed, or CancellationTooLate.
    """
    if not row.cancellation_rule.needs_approval(now):
        cancellation = Cancellation(CancelledBy.CLIENT, CLIENT_REQUEST, reason_text, True)
        _cancel(session, row, by, now, cancellation)
    elif not row.cancellation_requested:
        row.cancellation_requested = True
        row.reason_text = reason_text
        record_change(row, "cancellation_requested", by, now)
        emit(session, CancellationRequested(booking=messages.booking_fact(row)))


def decline_cancellation(session: Session, row: Booking, by: Actor, now: datetime) -> None:
    """Refuse the cancellation that the client asked for. Raises NoCancellationRequested."""
    if not row.cancellation_requested:
        raise NoCancellationRequested
    row.cancellation_requested = False
    row.reason_text = ""
    record_change(row, "cancellation_declined", by, now)
    emit(session, CancellationDeclined(booking=messages.booking_fact(row)))


def _cancel(
    session: Session, row: Booking, by: Actor, now: datetime, cancellation: Cancellation
) -> None:
    before = Status(row.status)
    row.status = move(before, Status.CANCELLED)
    row.cancellation_requested = False
    row.cancelled_by = cancellation.side
    row.cancellation_reason = cancellation.reason
    row.reason_text = cancellation.reason_text
    changes = release_time(session, row)
    record_change(row, "cancelled", by, now)
    cancelled = BookingCancelled(
        booking=messages.booking_fact(row),
        cancelled_by=proto.value(CancelledByMessage, cancellation.side),
        tell_client=cancellation.tell_client,
    )
    emit(session, *changes, cancelled)
    if before is Status.REQUESTED:
        schedule.cancel(session, EXPIRE_REQUEST, row.id)
