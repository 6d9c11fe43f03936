"""Handlers for booking's events: rooms follow their bookings (spec RM-1, CN-5).

A session that took place leaves its room as it is: the links end with their window.
"""

from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
)
from common.messaging.consumer import EventContext, Handlers
from telehealth_rooms import actions, messages

handlers = Handlers()
Event = BookingConfirmed | BookingCancelled | BookingDeclined | BookingExpired


@handlers.on(BookingConfirmed, BookingCancelled, BookingDeclined, BookingExpired)
def changed(event: Event, context: EventContext) -> None:
    """Open the room of a telehealth booking, move it, or close it."""
    appointment = messages.appointment(event.booking, event.booking.client_id)
    actions.follow_booking(context.session, appointment, context.now)
