"""What booking learns from others."""

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1.booking_pb2 import PaymentStatus
from booking import enums
from booking.store import bookings
from common import audit, ids
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(PaymentStatusChanged)
def show_payment(event: PaymentStatusChanged, context: EventContext) -> None:
    """The payment status shows on the booking (spec BK-8); older news than known is ignored."""
    booking_id = ids.parse(event.booking_id, "booking_id")
    status = enums.word(PaymentStatus, event.payment_status)
    client_id = bookings.set_payment(context.session, booking_id, status, event.version)
    if client_id:
        audit.record(context.session, "booking.payment", booking=booking_id, client=client_id)
