"""Which bookings have a room, when links work, whose they are."""

from datetime import timedelta

import pytest

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import Booking, Client
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE, MODE_TELEHEALTH, Mode
from attune_testing.clock import utc
from attune_testing.identities import client, service, staff
from common import ids
from common.rpc.identity import VISITOR, Identity
from telehealth_rooms.domain import (
    BOTH,
    NONE,
    Appointment,
    Leeway,
    Side,
    Window,
    sides_of,
)

PRACTICE, BOOKING, PROVIDER, CLIENT = ids.new(), ids.new(), ids.new(), ids.new()
HIS = frozenset({Side.PROVIDER})
HERS = frozenset({Side.CLIENT})


@pytest.mark.req("RM-1", "CL-3")
@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (client(PRACTICE, CLIENT), HERS),
        (client(PRACTICE, CLIENT, BOOKING), HERS),
        (client(PRACTICE, CLIENT, ids.new()), NONE),
        (client(PRACTICE, ids.new()), NONE),
        (client(PRACTICE, ids.new(), BOOKING), NONE),
        (staff(PRACTICE, "owner"), HIS),
        (staff(PRACTICE, "manager"), HIS),
        (staff(PRACTICE, "clinician", provider_id=PROVIDER), HIS),
        (staff(PRACTICE, "clinician", provider_id=ids.new()), NONE),
        (staff(PRACTICE, "clinician"), NONE),
        (staff(PRACTICE, "supervisor"), NONE),
        (service("notifications", PRACTICE), BOTH),
        (VISITOR, NONE),
        (Identity("client:", str(PRACTICE)), NONE),
    ],
)
def test_links_are_given_to_whom_they_belong(caller: Identity, theirs: frozenset[Side]) -> None:
    assert sides_of(caller, BOOKING, PROVIDER, CLIENT) == theirs


@pytest.mark.req("RM-2")
def test_links_work_from_a_quarter_before_to_an_hour_after() -> None:
    window = Window.around(utc("2026-03-02 15:00"), utc("2026-03-02 15:50"), Leeway())
    assert window == Window(utc("2026-03-02 14:45"), utc("2026-03-02 16:50"))
    moment = timedelta(microseconds=1)
    states = {
        window.open_at - moment: (False, False),
        window.open_at: (True, False),
        window.close_at - moment: (True, False),
        window.close_at: (False, True),
    }
    assert {now: (window.is_open(now), window.is_over(now)) for now in states} == states


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
    assert (
        Appointment.of(fact)
        == Appointment.of(booking)
        == Appointment(
            booking_id=BOOKING,
            practice_id=PRACTICE,
            provider_id=PROVIDER,
            client_id=CLIENT,
            start_at=utc("2026-03-02 15:00"),
            end_at=utc("2026-03-02 15:50"),
            version=4,
            has_room=has_room,
        )
    )
