"""Changes of a practice's client records."""

from datetime import datetime

from sqlalchemy.orm import Session

from booking.domain.actor import Actor
from booking.store.tables import Booking


def use_contact(_session: Session, booking: Booking, _by: Actor, _now: datetime) -> None:
    """Put the name, email, and phone number that were typed for a booking on the client's record.

    Only its client can have the booking's email, so nobody else's index changes. A phone number on
    record stays if none was typed.
    """
    client = booking.client
    client.name = booking.typed_name
    if booking.typed_email:
        client.email = booking.typed_email
    if booking.typed_phone:
        client.phone = booking.typed_phone
