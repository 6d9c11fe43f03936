"""Rows as protobuf messages, and bookings as appointments."""

from uuid import UUID

from attune.booking.v1.booking_pb2 import Booking, BookingStatus
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1.types_pb2 import Mode
from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from common import proto
from common.errors import Invalid
from telehealth_rooms import store
from telehealth_rooms.domain import Appointment, Side, Window


def room(row: store.Room, window: Window) -> pb.Room:
    """Return a room with the window in which its links work."""
    return pb.Room(
        room_id=str(row.id),
        booking_id=str(row.booking_id),
        start_time=proto.timestamp(row.start_at),
        end_time=proto.timestamp(row.end_at),
        open_time=proto.timestamp(window.open_at),
        close_time=proto.timestamp(window.close_at),
        practice_id=str(row.practice_id),
        provider_id=str(row.provider_id),
    )


def side(value: int) -> Side:
    """Return the side that a request names. Raises Invalid."""
    if not value or value not in pb.Side.values():
        raise Invalid(f"Must be one of: {', '.join(Side)}.", field="side", reason="INVALID_SIDE")
    return Side(proto.word(pb.Side, value))


def appointment(booking: Booking | BookingFact, client_id: str) -> Appointment:
    """Return an appointment from booking's answer or from its event."""
    return Appointment(
        booking_id=UUID(booking.booking_id),
        practice_id=UUID(booking.practice_id),
        provider_id=UUID(booking.provider_id),
        client_id=UUID(client_id),
        start_at=proto.instant(booking.start_time),
        end_at=proto.instant(booking.end_time),
        mode=proto.word(Mode, booking.mode),
        status=proto.word(BookingStatus, booking.status),
        version=booking.version,
    )
