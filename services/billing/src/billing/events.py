"""Handlers for booking's events: a session that took place is billed (spec BL-1)."""

from attune.booking.v1.events_pb2 import BookingCompleted
from billing import actions, messages
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(BookingCompleted)
def completed(event: BookingCompleted, context: EventContext) -> None:
    """Bill the session."""
    actions.bill_session(context.session, messages.completed_booking(event.booking))
