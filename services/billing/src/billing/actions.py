"""Use cases: bill a session, void its bill, reverse a ledger entry."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from billing import domain
from billing.domain import BookingVersion, CompletedBooking, Money
from billing.store import billables, ledger, sessions
from common import audit
from common.messaging.outbox import emit


def bill_session(session: Session, completed: CompletedBooking, now: datetime) -> None:
    """Make a completed session billable, and post what the client owes.

    Does nothing if a newer version of the booking, or this one, has been judged. A bill
    of an older version is voided first: the session was reopened in between, though that event
    has not arrived yet. If nothing is due, the ledger stays as it is (spec BL-1, BL-3, BL-4).
    Raises UnknownBillingType or InvalidMoney.
    """
    payment_version = sessions.claim(session, completed)
    if payment_version is None:
        return
    _void(session, completed, now)
    due = completed.amount_due()
    if due is None:
        _emit_status(session, completed, booking_pb2.PAYMENT_STATUS_NOT_BILLED, payment_version)
        return
    _bill(session, completed, due)
    _emit_status(session, completed, booking_pb2.PAYMENT_STATUS_DUE, payment_version)


def void_session(session: Session, reopened: BookingVersion, reopened_at: datetime) -> None:
    """Void the bill of a session that was reopened (spec BL-14).

    Does nothing if a newer version of the booking, or this one, has been judged.
    """
    payment_version = sessions.claim(session, reopened)
    if payment_version is None:
        return
    _void(session, reopened, reopened_at)
    _emit_status(session, reopened, booking_pb2.PAYMENT_STATUS_NOT_BILLED, payment_version)


def bill_again(
    session: Session,
    booking: BookingVersion,
    completed: CompletedBooking | None,
    told: int,
    now: datetime,
) -> None:
    """Make the bill of a booking, whose session is locked, as the booking's state demands.

    `completed` is None unless the session was completed. `told` is the version of the payment
    status that booking has. A bill that is right stays, and booking is told about it again.
    """
    judged = sessions.lock(session, booking)
    judged.booking_version = booking.version
    judged.payment_version = max(judged.payment_version, told) + 1
    due = completed.amount_due() if completed else None
    if not _is_billed(session, booking, due):
        _void(session, booking, now)
        if completed and due:
            _bill(session, completed, due)
    status = booking_pb2.PAYMENT_STATUS_DUE if due else booking_pb2.PAYMENT_STATUS_NOT_BILLED
    _emit_status(session, booking, status, judged.payment_version)


def reverse_entry(
    session: Session, practice_id: UUID, entry_id: UUID, occurred_at: datetime
) -> UUID:
    """Post the reversal of a ledger entry and return its id (spec BL-1).

    Raises EntryNotFound or AlreadyReversed.
    """
    reversal = domain.reversal_of(entry_id, ledger.entry(session, entry_id), occurred_at)
    return ledger.add_entry(session, practice_id, reversal)


def _is_billed(session: Session, booking: BookingVersion, due: Money | None) -> bool:
    """Return whether a booking is billed by exactly what is due, and the ledger agrees."""
    bill = billables.of_bookings(session, [booking.booking_id]).get(booking.booking_id)
    entry_id = ledger.find_session_entry(session, booking.booking_id)
    if due is None or bill is None or entry_id is None:
        return due is None and bill is None and entry_id is None
    entry = domain.entry_for(booking.booking_id, booking.client_id, due, bill.service_at)
    billed = Money(bill.amount, bill.currency) == due and bill.client_id == booking.client_id
    return billed and ledger.entry(session, entry_id).postings == entry.postings


def _bill(session: Session, completed: CompletedBooking, due: Money) -> None:
    billables.add(session, completed, due)
    entry = domain.entry_for(completed.booking_id, completed.client_id, due, completed.end_at)
    ledger.add_entry(session, completed.practice_id, entry)
    audit.record(
        session, "billable.create", booking=completed.booking_id, client=completed.client_id
    )


def _void(session: Session, booking: BookingVersion, occurred_at: datetime) -> None:
    """Remove the billable of a session, if there is one, and reverse its ledger entry."""
    removed = billables.remove(session, booking.booking_id)
    entry_id = ledger.find_session_entry(session, booking.booking_id)
    if entry_id is not None:
        reverse_entry(session, booking.practice_id, entry_id, occurred_at)
    if not removed and entry_id is None:
        return
    audit.record(session, "billable.void", booking=booking.booking_id, client=booking.client_id)


def _emit_status(
    session: Session,
    booking: BookingVersion,
    payment_status: "booking_pb2.PaymentStatus.ValueType",
    version: int,
) -> None:
    changed = PaymentStatusChanged(
        practice_id=str(booking.practice_id),
        booking_id=str(booking.booking_id),
        payment_status=payment_status,
        version=version,
    )
    emit(session, changed)
