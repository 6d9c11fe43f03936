"""Links into the rooms of ended sessions are removed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from attune.booking.v1.events_pb2 import BookingConfirmed, BookingFact
from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from attune_testing.clock import TestClock, utc
from attune_testing.identities import service
from attune_testing.stubs import TelehealthRoomsStub
from common.db.database import Database
from common.errors import NotFound
from common.rpc.identity import VISITOR, acting_as
from common.upkeep import retention
from telehealth_rooms.retention import purges
from telehealth_rooms.store import Link

pytestmark = pytest.mark.req("PF-10", "RM-2")
ENDED = utc("2026-03-02 15:50")
DAY = timedelta(days=1)


def test_the_links_of_a_session_that_ended_go_a_month_later(
    rooms: TelehealthRoomsStub,
    fact: Callable[..., BookingFact],
    deliver: Callable[..., bool],
    database: Database,
    clock: TestClock,
) -> None:
    booking, later = fact(), fact(end="2026-03-05 15:50")
    tokens = {}
    for each in (booking, later):
        deliver(BookingConfirmed(booking=each))
        tokens[each.booking_id] = get_room(rooms, each).client_token

    def run(after: timedelta) -> int:
        removed = retention.run(database, purges.rules("links=30d"), ENDED + after)
        return sum(count for _, count in removed)

    run(30 * DAY)
    assert links(database, booking) == links(database, later) == 2
    assert run(31 * DAY) >= 1
    assert run(31 * DAY) == 0
    assert (links(database, booking), links(database, later)) == (0, 2)
    with pytest.raises(NotFound):
        get_room(rooms, booking)
    with pytest.raises(NotFound), acting_as(VISITOR):
        rooms.ResolveLink(pb.ResolveLinkRequest(token=tokens[booking.booking_id]))
    assert get_room(rooms, later).client_token == tokens[later.booking_id]


def get_room(rooms: TelehealthRoomsStub, booking: BookingFact) -> pb.GetRoomResponse:
    with acting_as(service("notifications", booking.practice_id)):
        return rooms.GetRoom(pb.GetRoomRequest(booking_id=booking.booking_id))


def links(database: Database, booking: BookingFact) -> int:
    with database.transaction(booking.practice_id) as session:
        return session.scalar(select(func.count()).select_from(Link)) or 0
