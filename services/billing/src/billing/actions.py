"""Use cases: bill a session, reverse a ledger entry."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from billing import domain
from billing.domain import CompletedBooking
from billing.store import billables, ledger
from common import audit
from common.messaging.outbox import emit


def bill_session(session: Session, completed: CompletedBooking) -> None:
    """Make a session that took place billable, and post what the client owes, once.

    Where nothing is due, the ledger stays as it is (spec BL-1, BL-3, BL-4). Raises
    UnknownBillingType or InvalidMoney.
    """
    due = completed.amount_due()
    if due is None:
        emit(session, _status(completed, booking_pb2.PAYMENT_STATUS_NOT_BILLED))
    elif billables.add(session, completed, due):
        entry = domain.entry_for(completed.booking_id, completed.client_id, due, completed.end_at)
        ledger.add_entry(session, completed.practice_id, entry)
        audit.record(
            session, "billable.create", booking=completed.booking_id, client=completed.client_id
        )
        emit(session, _status(completed, booking_pb2.PAYMENT_STATUS_DUE))


def _status(
    completed: CompletedBooking, payment_status: "booking_pb2.PaymentStatus.ValueType"
) -> PaymentStatusChanged:
    return PaymentStatusChanged(
        practice_id=str(completed.practice_id),
        booking_id=str(completed.booking_id),
        payment_status=payment_status,
        version=1,  # a booking's first, and so far its only one
    )


def reverse_entry(
    session: Session, practice_id: UUID, entry_id: UUID, occurred_at: datetime
) -> UUID:
    """Post the reversal of a ledger entry and return its id (spec BL-1).

    Raises EntryNotFound or AlreadyReversed.
    """
    reversal = domain.reversal_of(entry_id, ledger.entry(session, entry_id), occurred_at)
    return ledger.add_entry(session, practice_id, reversal)
