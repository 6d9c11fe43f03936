"""What billing makes of what happens to bookings."""

from datetime import UTC
from uuid import UUID

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingCompleted, BookingFact
from billing import domain, store
from common import audit
from common.messaging.consumer import EventContext, Handlers
from common.messaging.outbox import emit

handlers = Handlers()


@handlers.on(BookingCompleted)
def bill_session(event: BookingCompleted, context: EventContext) -> None:
    """A session that was held and is paid for becomes billable, and the client owes its price,
    once (spec BL-1, BL-3, BL-4). Where nothing is due the ledger stays as it is."""
    fact, session = event.booking, context.session
    due = domain.amount_due(fact.billing_type, fact.price)
    if due is None:
        emit(session, _status(fact, booking_pb2.PAYMENT_STATUS_NOT_BILLED))
    elif store.add_billable(session, fact, due):
        entry = domain.entry_for(
            UUID(fact.booking_id), UUID(fact.client_id), due, fact.end_time.ToDatetime(UTC)
        )
        store.add_entry(session, UUID(fact.practice_id), entry)
        audit.record(session, "billable.create", booking=fact.booking_id, client=fact.client_id)
        emit(session, _status(fact, booking_pb2.PAYMENT_STATUS_DUE))


def _status(
    fact: BookingFact, payment_status: "booking_pb2.PaymentStatus.ValueType"
) -> PaymentStatusChanged:
    return PaymentStatusChanged(
        practice_id=fact.practice_id,
        booking_id=fact.booking_id,
        payment_status=payment_status,
        version=1,  # a booking's first, and so far its only one
    )
