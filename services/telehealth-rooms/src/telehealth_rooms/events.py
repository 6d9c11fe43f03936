"""Rooms follow their bookings (spec RM-1, CN-5).

A session that was held leaves its room as it is: its links end with their window.
"""

from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
)
from common.messaging.consumer import EventContext, Handlers
from telehealth_rooms import store
from telehealth_rooms.domain import Appointment

handlers = Handlers()


@handlers.on(BookingConfirmed)
def confirmed(event: BookingConfirmed, context: EventContext) -> None:
    """Open the room of a telehealth booking, move it with the booking, or close it when the mode
    is another one now."""
    store.follow(context.session, Appointment.of(event.booking), context.now)


@handlers.on(BookingCancelled, BookingDeclined, BookingExpired)
def ended(
    event: BookingCancelled | BookingDeclined | BookingExpired, context: EventContext
) -> None:
    """Close the room."""
    store.follow(context.session, Appointment.of(event.booking), context.now)
