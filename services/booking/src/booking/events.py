"""Handlers of events from other services."""

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1.booking_pb2 import PaymentStatus
from booking.store import bookings
from common import audit, ids, proto
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(PaymentStatusChanged)
def show_payment(event: PaymentStatusChanged, context: EventContext) -> None:
    """Show the payment status on the booking (spec BK-8), unless a later version is known."""
    booking_id = ids.parse(event.booking_id, "booking_id")
    status = proto.word(PaymentStatus, event.payment_status)
    client_id = bookings.set_payment(context.session, booking_id, status, event.version)
    if client_id:
        audit.record(context.session, "booking.payment", booking=booking_id, client=client_id)
