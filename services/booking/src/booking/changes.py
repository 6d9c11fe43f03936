"""What becomes of a booking: each change moves its status, its version and its history, and tells
of it, in the caller's transaction on the locked row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from attune.booking.v1.booking_pb2 import (
    CANCELLATION_REASON_CLIENT_REQUEST,
    CANCELLED_BY_CLIENT,
    CANCELLED_BY_PRACTICE,
    CancellationReason,
    CancelledBy,
)
from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingStarted,
    CancellationDeclined,
    CancellationRequested,
)
from booking import enums, facts
from booking.domain.cancelling import NoCancellationRequested
from booking.domain.status import Status, answer, move
from booking.domain.taking import revision_of
from booking.store import clients, taken
from booking.store.tables import Booking, BookingChange
from common.messaging.outbox import emit
from common.rpc.identity import Identity


@dataclass(frozen=True)
class Act:
    """Who changes something, and when."""

    actor: str
    """`client`, `practice` or `system`."""
    actor_id: str
    at: datetime


def act(caller: Identity, now: datetime) -> Act:
    """What the caller does now."""
    if caller.client_id:
        return Act("client", caller.client_id, now)
    return Act("practice", caller.subject.partition(":")[2], now)


def confirm(session: Session, row: Booking, by: Act) -> None:
    """Approve a request."""
    row.status = answer(Status(row.status), Status.CONFIRMED, row.start_at, by.at)
    _record(row, "confirmed", by)
    emit(session, BookingConfirmed(booking=facts.booking(row), was_requested=True))


def decline(session: Session, row: Booking, reason_text: str, by: Act) -> None:
    """Decline a request; its time is free again."""
    row.status = answer(Status(row.status), Status.DECLINED, row.start_at, by.at)
    row.reason_text = reason_text
    _release(session, row)
    _record(row, "declined", by)
    emit(session, BookingDeclined(booking=facts.booking(row)))


def expire(session: Session, row: Booking, by: Act) -> None:
    """Nobody has answered a request before its time came."""
    row.status = move(Status(row.status), Status.EXPIRED)
    _release(session, row)
    _record(row, "expired", by)
    emit(session, BookingExpired(booking=facts.booking(row)))


def cancel_as_practice(
    session: Session, row: Booking, reason: int, reason_text: str, tell_client: bool, by: Act
) -> None:
    """Cancel for the practice (spec CN-1). Approving what the client asked for counts as the
    client's cancellation, if staff give that as the reason."""
    for_client = row.cancellation_requested and reason == CANCELLATION_REASON_CLIENT_REQUEST
    cancelled_by = CANCELLED_BY_CLIENT if for_client else CANCELLED_BY_PRACTICE
    _cancel(session, row, reason, reason_text or row.reason_text, cancelled_by, tell_client, by)


def cancel_as_client(session: Session, row: Booking, reason_text: str, by: Act) -> None:
    """Cancel for the client, or ask the practice for it (spec CN-2). Who asks twice is answered
    as before."""
    reason = CANCELLATION_REASON_CLIENT_REQUEST
    if not row.cancelling.needs_approval(by.at):
        _cancel(session, row, reason, reason_text, CANCELLED_BY_CLIENT, True, by)
    elif not row.cancellation_requested:
        row.cancellation_requested = True
        row.reason_text = reason_text
        _record(row, "cancellation_requested", by)
        emit(session, CancellationRequested(booking=facts.booking(row)))


def decline_cancellation(session: Session, row: Booking, by: Act) -> None:
    """Refuse the cancellation that the client asked for."""
    if not row.cancellation_requested:
        raise NoCancellationRequested
    row.cancellation_requested = False
    row.reason_text = ""
    _record(row, "cancellation_declined", by)
    emit(session, CancellationDeclined(booking=facts.booking(row)))


def start(session: Session, row: Booking, by: Act) -> None:
    """The session has begun."""
    row.status = move(Status(row.status), Status.IN_PROGRESS)
    row.cancellation_requested = False
    _record(row, "started", by)
    emit(session, BookingStarted(booking=facts.booking(row)))


def complete(session: Session, row: Booking, by: Act) -> None:
    """The session was held; a new client is active from now on (spec CL-2)."""
    row.status = move(Status(row.status), Status.COMPLETED)
    row.cancellation_requested = False
    if row.client.status == clients.NEW:
        row.client.status = clients.ACTIVE
    _record(row, "completed", by)
    emit(session, BookingCompleted(booking=facts.booking(row)))


def _cancel(
    session: Session,
    row: Booking,
    reason: int,
    reason_text: str,
    cancelled_by: CancelledBy.ValueType,
    tell_client: bool,
    by: Act,
) -> None:
    row.status = move(Status(row.status), Status.CANCELLED)
    row.cancellation_requested = False
    row.cancelled_by = enums.word(CancelledBy, cancelled_by)
    row.cancellation_reason = enums.word(CancellationReason, reason)
    row.reason_text = reason_text
    _release(session, row)
    _record(row, "cancelled", by)
    cancelled = BookingCancelled(
        booking=facts.booking(row), cancelled_by=cancelled_by, tell_client=tell_client
    )
    emit(session, cancelled)


def _release(session: Session, row: Booking) -> None:
    """Its time is free at once (spec CN-5)."""
    changes = taken.release(session, row.practice_id, row.id)
    row.revision = revision_of(changes, row.provider_id) or row.revision
    emit(session, *(facts.taken_time_changed(change) for change in changes))


def _record(row: Booking, change: str, by: Act) -> None:
    row.version += 1
    row.updated_at = by.at
    row.changes.append(
        BookingChange(
            version=row.version,
            practice_id=row.practice_id,
            changed_at=by.at,
            actor=by.actor,
            actor_id=by.actor_id,
            change=change,
        )
    )
