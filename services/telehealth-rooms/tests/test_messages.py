"""Which bookings have a room, by booking's events and answers."""

import pytest

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import Booking, Client
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE, MODE_TELEHEALTH, Mode
from attune_testing.clock import utc
from common import ids, proto
from telehealth_rooms import messages
from telehealth_rooms.domain import Appointment

PRACTICE, BOOKING, PROVIDER, CLIENT = ids.new(), ids.new(), ids.new(), ids.new()


@pytest.mark.req("RM-1")
@pytest.mark.parametrize(
    ("status", "mode", "has_room"),
    [
        (booking_pb2.BOOKING_STATUS_CONFIRMED, MODE_TELEHEALTH, True),
        (booking_pb2.BOOKING_STATUS_IN_PROGRESS, MODE_TELEHEALTH, True),
        (booking_pb2.BOOKING_STATUS_CONFIRMED, MODE_IN_PERSON, False),
        (booking_pb2.BOOKING_STATUS_CONFIRMED, MODE_PHONE, False),
        (booking_pb2.BOOKING_STATUS_REQUESTED, MODE_TELEHEALTH, False),
        (booking_pb2.BOOKING_STATUS_COMPLETED, MODE_TELEHEALTH, False),
        (booking_pb2.BOOKING_STATUS_CANCELLED, MODE_TELEHEALTH, False),
        (booking_pb2.BOOKING_STATUS_DECLINED, MODE_TELEHEALTH, False),
        (booking_pb2.BOOKING_STATUS_EXPIRED, MODE_TELEHEALTH, False),
        (booking_pb2.BOOKING_STATUS_NO_SHOW, MODE_TELEHEALTH, False),
    ],
)
def test_a_booking_that_stands_and_is_held_by_video_has_a_room(
    status: "booking_pb2.BookingStatus.ValueType", mode: "Mode.ValueType", has_room: bool
) -> None:
    fact = BookingFact(
        booking_id=str(BOOKING),
        practice_id=str(PRACTICE),
        provider_id=str(PROVIDER),
        client_id=str(CLIENT),
        status=status,
        mode=mode,
        version=4,
    )
    fact.start_time.FromDatetime(utc("2026-03-02 15:00"))
    fact.end_time.FromDatetime(utc("2026-03-02 15:50"))
    booking = Booking(
        booking_id=str(BOOKING),
        practice_id=str(PRACTICE),
        provider_id=str(PROVIDER),
        client=Client(client_id=str(CLIENT)),
        status=status,
        mode=mode,
        version=4,
        start_time=fact.start_time,
        end_time=fact.end_time,
    )
    found = messages.appointment(fact, fact.client_id)
    assert found.has_room is has_room
    assert (
        found
        == messages.appointment(booking, booking.client.client_id)
        == Appointment(
            booking_id=BOOKING,
            practice_id=PRACTICE,
            provider_id=PROVIDER,
            client_id=CLIENT,
            start_at=utc("2026-03-02 15:00"),
            end_at=utc("2026-03-02 15:50"),
            mode=proto.word(Mode, mode),
            status=proto.word(booking_pb2.BookingStatus, status),
            version=4,
        )
    )
