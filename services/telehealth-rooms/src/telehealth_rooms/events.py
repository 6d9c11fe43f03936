"""Rooms follow their bookings (spec RM-1, CN-5)."""

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingFact,
)
from common.clock import Clock
from common.messaging.consumer import Handlers
from telehealth_rooms import store
from telehealth_rooms.domain import Appointment


def handlers(clock: Clock) -> Handlers:
    """What opens, moves and closes rooms. A session that was held leaves its room as it is: its
    links end with their window."""
    listening = Handlers()

    def follow(fact: BookingFact, session: Session) -> None:
        store.follow(session, Appointment.of(fact), clock.now())

    @listening.on(BookingConfirmed)
    def confirmed(event: BookingConfirmed, session: Session) -> None:
        """Opens the room of a telehealth booking, moves it with the booking, closes it when the
        mode is another one now."""
        follow(event.booking, session)

    @listening.on(BookingCancelled)
    def cancelled(event: BookingCancelled, session: Session) -> None:
        follow(event.booking, session)

    @listening.on(BookingDeclined)
    def declined(event: BookingDeclined, session: Session) -> None:
        follow(event.booking, session)

    @listening.on(BookingExpired)
    def expired(event: BookingExpired, session: Session) -> None:
        follow(event.booking, session)

    return listening
