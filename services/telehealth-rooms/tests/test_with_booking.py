"""Rooms that are requested before their booking's event has arrived, with the real booking."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from google.protobuf.message import Message
from sqlalchemy import func, select

from attune.availability.v1.availability_pb2 import CONFIRMATION_APPROVAL, Provider
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import CANCELLATION_REASON_CLIENT_REQUEST, Booking
from attune.booking.v1.events_pb2 import BookingCancelled, BookingConfirmed
from attune.common.v1.types_pb2 import MODE_IN_PERSON
from attune.telehealth_rooms.v1.room_service_pb2 import (
    SIDE_CLIENT,
    GetRoomRequest,
    GetRoomResponse,
    ReplaceLinkRequest,
    ResolveLinkRequest,
)
from attune_testing.clock import TestClock, utc
from attune_testing.identities import client, service, staff
from attune_testing.stubs import BookingStub, TelehealthRoomsStub
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound
from common.messaging.outbox import outbox
from common.rpc.identity import VISITOR, Identity, acting_as
from telehealth_rooms import store

pytestmark = pytest.mark.req("RM-1")
Rooms = TelehealthRoomsStub
OpenPractice = Callable[..., Provider]
Book = Callable[..., Booking]
Deliver = Callable[..., bool]
Told = Callable[[Booking], list[Message]]
EVENTS = {kind.DESCRIPTOR.full_name: kind for kind in (BookingConfirmed, BookingCancelled)}


@pytest.fixture
def told(make_test_database: Callable[[str], Database]) -> Told:
    """Return booking's events about one booking, in order."""
    database = make_test_database("booking")

    def read(booking: Booking) -> list[Message]:
        with database.transaction(EVERY_PRACTICE) as session:
            rows = session.execute(
                select(outbox.c.subject, outbox.c.payload)
                .where(outbox.c.subject.in_(EVENTS))
                .order_by(outbox.c.sequence)
            ).all()
        events = [EVENTS[row.subject].FromString(row.payload) for row in rows]
        return [event for event in events if event.booking.booking_id == booking.booking_id]

    return read


def get_room(rooms: Rooms, booking: Booking, caller: Identity | None = None) -> GetRoomResponse:
    with acting_as(caller or service("notifications", booking.practice_id)):
        return rooms.GetRoom(GetRoomRequest(booking_id=booking.booking_id))


def no_room(rooms: Rooms, booking: Booking, caller: Identity | None = None) -> bool:
    with pytest.raises(NotFound) as failure:
        get_room(rooms, booking, caller)
    return failure.value.reason == "ROOM_NOT_FOUND"


def cancel(bookings: BookingStub, booking: Booking) -> None:
    with acting_as(staff(booking.practice_id)):
        bookings.CancelBooking(
            pb.CancelBookingRequest(
                booking_id=booking.booking_id, reason=CANCELLATION_REASON_CLIENT_REQUEST
            )
        )


def counts(database: Database, practice_id: str) -> tuple[int, int]:
    """Return the numbers of rooms and links of a practice."""
    with database.transaction(UUID(practice_id)) as session:
        rooms = session.scalar(select(func.count()).select_from(store.Room))
        links = session.scalar(select(func.count()).select_from(store.Link))
        return rooms or 0, links or 0


def test_a_room_is_there_before_its_event_and_the_event_changes_nothing(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, deliver: Deliver, told: Told
) -> None:
    booking = book(open_practice())
    room = get_room(asking_rooms, booking)
    assert room.room.booking_id == booking.booking_id
    assert room.room.start_time == booking.start_time
    assert room.room.end_time == booking.end_time
    (event,) = told(booking)
    assert deliver(event)
    assert get_room(asking_rooms, booking) == room
    with acting_as(VISITOR):
        answer = asking_rooms.ResolveLink(ResolveLinkRequest(token=room.client_token))
    assert answer.room == room.room


def test_a_room_asked_for_by_everybody_while_its_event_arrives_is_one_with_one_link_for_each(
    asking_rooms: Rooms,
    open_practice: OpenPractice,
    book: Book,
    deliver: Deliver,
    told: Told,
    database: Database,
) -> None:
    provider = open_practice()
    booking = book(provider)
    practice = booking.practice_id
    (event,) = told(booking)
    callers = [
        service("notifications", practice),
        staff(practice),
        staff(practice, "clinician", provider_id=provider.provider_id),
        client(practice, booking.client.client_id),
    ]

    def act(number: int) -> GetRoomResponse | None:
        if number % 5 == 4:
            deliver(event)
            return None
        return get_room(asking_rooms, booking, callers[number % 5])

    with ThreadPoolExecutor(10) as pool:
        answers = [answer for answer in pool.map(act, range(30)) if answer]
    assert {answer.room.room_id for answer in answers} == {answers[0].room.room_id}
    assert len({answer.provider_token for answer in answers} - {""}) == 1
    assert len({answer.client_token for answer in answers} - {""}) == 1
    assert counts(database, practice) == (1, 2)


@pytest.mark.req("RM-2", "CL-3")
def test_before_the_event_too_each_caller_gets_their_own_link_alone(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, bookings: BookingStub
) -> None:
    booking = book(open_practice())
    practice, mine = booking.practice_id, booking.client.client_id
    assert no_room(asking_rooms, booking, client(practice, ids.new()))
    assert no_room(asking_rooms, booking, staff(practice, "clinician", provider_id=ids.new()))
    assert no_room(asking_rooms, booking, client(practice, mine, ids.new()))
    with acting_as(VISITOR):
        token = pb.ResolveManageTokenRequest(manage_token=booking.manage_token)
        holder = bookings.ResolveManageToken(token)
    by_link = get_room(
        asking_rooms, booking, client(holder.practice_id, holder.client_id, holder.booking_id)
    )
    both = get_room(asking_rooms, booking)
    assert by_link == GetRoomResponse(room=both.room, client_token=both.client_token)


@pytest.mark.req("GW-13")
def test_to_another_practice_there_is_neither_booking_nor_room(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, database: Database
) -> None:
    booking = book(open_practice())
    other = open_practice()
    for caller in (
        staff(other.practice_id),
        service("notifications", other.practice_id),
        client(other.practice_id, booking.client.client_id),
    ):
        assert no_room(asking_rooms, booking, caller)
    get_room(asking_rooms, booking)
    assert no_room(asking_rooms, booking, staff(other.practice_id))
    assert counts(database, other.practice_id) == (0, 0)


def test_a_booking_that_nobody_made_has_no_room(
    asking_rooms: Rooms, open_practice: OpenPractice
) -> None:
    made_up = Booking(booking_id=str(ids.new()), practice_id=open_practice().practice_id)
    assert no_room(asking_rooms, made_up)


def test_a_session_in_person_has_no_room(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, deliver: Deliver, told: Told
) -> None:
    booking = book(open_practice(), mode=MODE_IN_PERSON)
    assert no_room(asking_rooms, booking)
    for event in told(booking):
        deliver(event)
    assert no_room(asking_rooms, booking)


def test_a_request_gets_its_room_when_it_is_approved(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, bookings: BookingStub
) -> None:
    booking = book(open_practice(CONFIRMATION_APPROVAL))
    assert no_room(asking_rooms, booking)
    with acting_as(staff(booking.practice_id)):
        bookings.ConfirmBooking(pb.ConfirmBookingRequest(booking_id=booking.booking_id))
    assert get_room(asking_rooms, booking).client_token


@pytest.mark.req("CN-5")
@pytest.mark.parametrize("known", [False, True])
def test_a_cancelled_booking_has_no_room_whether_its_event_has_come_or_not(
    asking_rooms: Rooms,
    open_practice: OpenPractice,
    book: Book,
    bookings: BookingStub,
    deliver: Deliver,
    told: Told,
    known: bool,
) -> None:
    booking = book(open_practice())
    cancel(bookings, booking)
    if known:
        for event in told(booking):
            deliver(event)
    assert no_room(asking_rooms, booking)
    with pytest.raises(NotFound), acting_as(staff(booking.practice_id)):
        asking_rooms.ReplaceLink(
            ReplaceLinkRequest(booking_id=booking.booking_id, side=SIDE_CLIENT)
        )


@pytest.mark.req("CN-5", "RM-2")
def test_when_the_cancellation_comes_the_links_end(
    asking_rooms: Rooms,
    open_practice: OpenPractice,
    book: Book,
    bookings: BookingStub,
    deliver: Deliver,
    told: Told,
) -> None:
    booking = book(open_practice())
    room = get_room(asking_rooms, booking)
    cancel(bookings, booking)
    *_, cancelled = told(booking)
    deliver(cancelled)
    assert no_room(asking_rooms, booking)
    with pytest.raises(NotFound), acting_as(VISITOR):
        asking_rooms.ResolveLink(ResolveLinkRequest(token=room.client_token))


def test_a_session_that_has_begun_has_a_room_and_one_that_was_held_gets_none_any_more(
    asking_rooms: Rooms,
    open_practice: OpenPractice,
    book: Book,
    bookings: BookingStub,
    clock: TestClock,
) -> None:
    begun = book(open_practice())
    held = book(open_practice())
    clock.present = utc("2026-03-02 15:00")
    for booking in (begun, held):
        with acting_as(staff(booking.practice_id)):
            bookings.StartBooking(pb.StartBookingRequest(booking_id=booking.booking_id))
    with acting_as(staff(held.practice_id)):
        bookings.CompleteBooking(pb.CompleteBookingRequest(booking_id=held.booking_id))
    room = get_room(asking_rooms, begun)
    with acting_as(VISITOR):
        assert asking_rooms.ResolveLink(ResolveLinkRequest(token=room.client_token)).open
    assert no_room(asking_rooms, held)


@pytest.mark.req("RM-2")
def test_a_link_can_be_replaced_before_the_event_has_come(
    asking_rooms: Rooms, open_practice: OpenPractice, book: Book, deliver: Deliver, told: Told
) -> None:
    booking = book(open_practice())
    with acting_as(staff(booking.practice_id)):
        request = ReplaceLinkRequest(booking_id=booking.booking_id, side=SIDE_CLIENT)
        token = asking_rooms.ReplaceLink(request).token
    for event in told(booking):
        deliver(event)
    assert get_room(asking_rooms, booking).client_token == token
