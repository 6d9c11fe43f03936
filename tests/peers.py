"""The real booking and availability in the test's process, for services that call them."""

import tempfile
from collections.abc import Callable, Iterator

import pytest

from attune.availability.v1.availability_pb2 import (
    CONFIRMATION_INSTANT,
    Confirmation,
    Policies,
    Provider,
)
from attune.booking.v1.booking_pb2 import Booking, ContactDetails
from attune.booking.v1.booking_service_pb2 import CreateBookingRequest
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_TELEHEALTH, Mode
from attune_testing import builders
from attune_testing.clock import TestClock, utc
from attune_testing.identities import PUBLIC_KEYS, signer
from attune_testing.stubs import AvailabilityStub, BookingStub
from availability.adapters.booking import Occupancy
from availability.search.cache import Cache
from availability.servicer import servicers as availability_servicers
from booking.adapters.availability import Availability
from booking.servicer import servicers as booking_servicers
from common import ids
from common.db.database import Database
from common.rpc import channels, identity
from common.rpc.server import Server


@pytest.fixture
def peers(make_test_database: Callable[[str], Database], clock: TestClock) -> Iterator[str]:
    """The address of the real booking and availability.

    They call each other, so the address is known beforehand.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/peers"
        server = Server(identity.Verifier(PUBLIC_KEYS), 16)
        bookings = Occupancy(channels.channel(address, signer("availability")))
        slots = Availability(channels.channel(address, signer("booking")))
        database = make_test_database("availability")
        server.add(availability_servicers(database, Cache(database, bookings, clock), clock))
        server.add(booking_servicers(make_test_database("booking"), slots, clock))
        server.listen(address)
        yield address
        server.stop(1)


@pytest.fixture
def bookings(peers: str) -> BookingStub:
    return BookingStub(channels.channel(peers, signer()))


@pytest.fixture
def open_practice(peers: str) -> Callable[..., Provider]:
    """A function that creates a practice whose provider in New York can be booked around the
    clock."""
    slots = AvailabilityStub(channels.channel(peers, signer()))

    def make(confirmation: "Confirmation.ValueType" = CONFIRMATION_INSTANT) -> Provider:
        policies = Policies(
            minimum_notice_minutes=0, maximum_advance_days=0, confirmation=confirmation
        )
        address = "12 High St, Springfield"
        practice = builders.practice(slots, name="Riverside", address=address, policies=policies)
        builders.service_type(
            slots,
            practice.practice_id,
            title="Trauma therapy",
            step_minutes=30,
            modes=[MODE_TELEHEALTH, MODE_IN_PERSON],
        )
        return builders.provider(
            slots,
            practice.practice_id,
            display_name="Ada King",
            email="ada@riverside.example",
            blocks=builders.week(start="00:00", end="24:00"),
        )

    return make


@pytest.fixture
def book(bookings: BookingStub) -> Callable[..., Booking]:
    """A function that books a session with a provider, as a visitor does."""

    def make(
        provider: Provider,
        start: str = "2026-03-02 15:00",
        mode: "Mode.ValueType" = MODE_TELEHEALTH,
        name: str = "Mara Quill",
    ) -> Booking:
        request = CreateBookingRequest(
            request_id=str(ids.new()),
            username=provider.username,
            service="session",
            mode=mode,
            contact=ContactDetails(
                name=name, email=f"{ids.new().hex}@client.example", timezone="America/New_York"
            ),
            note="I cannot sleep",
        )
        request.start_time.FromDatetime(utc(start))
        with identity.acting_as(identity.VISITOR):
            return bookings.CreateBooking(request).booking

    return make
