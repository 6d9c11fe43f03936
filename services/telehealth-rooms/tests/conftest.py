"""Telehealth-rooms on its own database, behind a real port."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from google.protobuf.message import Message

from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from attune_testing.identities import signer
from attune_testing.serving import Served, serve
from attune_testing.stubs import TelehealthRoomsStub
from common import ids
from common.db.database import Database
from common.messaging.nats import MESSAGE_ID
from common.rpc import channels
from telehealth_rooms.adapters.booking import Bookings
from telehealth_rooms.domain import Leeway
from telehealth_rooms.events import handlers
from telehealth_rooms.servicer import servicers


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("telehealth_rooms")


@pytest.fixture
def clock() -> TestClock:
    """Noon, three hours before the session."""
    return TestClock(utc("2026-03-02 12:00"))


@pytest.fixture
def rooms(database: Database, clock: TestClock) -> Iterator[TelehealthRoomsStub]:
    """Telehealth-rooms, while booking is away."""
    away = Bookings(Served(f"127.0.0.1:{free_port()}").channel("telehealth-rooms"))
    with serve(servicers(database, clock, away, Leeway())) as served:
        yield TelehealthRoomsStub(served.channel())


@pytest.fixture
def fact() -> Callable[..., BookingFact]:
    """Make the state of a telehealth booking that stands, from 15:00 to 15:50."""

    def make(
        practice_id: UUID | None = None,
        version: int = 1,
        status: "booking_pb2.BookingStatus.ValueType" = booking_pb2.BOOKING_STATUS_CONFIRMED,
        start: str = "2026-03-02 15:00",
        end: str = "2026-03-02 15:50",
    ) -> BookingFact:
        made = BookingFact(
            booking_id=str(ids.new()),
            practice_id=str(practice_id or ids.new()),
            provider_id=str(ids.new()),
            client_id=str(ids.new()),
            status=status,
            mode=MODE_TELEHEALTH,
            version=version,
        )
        made.start_time.FromDatetime(utc(start))
        made.end_time.FromDatetime(utc(end))
        return made

    return make


@pytest.fixture
def deliver(database: Database, clock: TestClock) -> Callable[..., bool]:
    """Deliver an event as the consumer does, and return whether the message was new."""
    database.clock = clock

    def handle(event: Message, message_id: str = "") -> bool:
        return handlers.handle(
            database,
            event.DESCRIPTOR.full_name,
            event.SerializeToString(),
            {MESSAGE_ID: message_id or str(ids.new())},
        )

    return handle


@pytest.fixture
def asking_rooms(database: Database, clock: TestClock, peers: str) -> Iterator[TelehealthRoomsStub]:
    """Telehealth-rooms, with the real booking to ask."""
    asked = Bookings(channels.channel(peers, signer("telehealth-rooms")))
    with serve(servicers(database, clock, asked, Leeway())) as served:
        yield TelehealthRoomsStub(served.channel())
