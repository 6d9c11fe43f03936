"""Handlers for booking's events: completed sessions are billed (spec BL-1, BL-14)."""

from attune.booking.v1.events_pb2 import BookingCompleted, SessionReopened
from billing import actions, messages
from common import proto
from common.messaging.consumer import EventContext, Handlers

handlers = Handlers()


@handlers.on(BookingCompleted)
def completed(event: BookingCompleted, context: EventContext) -> None:
    """Bill the session."""
    booking = messages.completed_booking(event.booking)
    actions.bill_session(context.session, booking, context.now)


@handlers.on(SessionReopened)
def reopened(event: SessionReopened, context: EventContext) -> None:
    """Void the bill of the session."""
    booking = messages.booking_version(event.booking)
    actions.void_session(context.session, booking, proto.instant(event.reopen_time))
