"""Booking's database, and the service by itself or with availability beside it. The tests share
`services.booking.tests.booking_world`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from attune.availability.v1.availability_service_pb2_grpc import (
    AvailabilityServiceStub,
    add_AvailabilityServiceServicer_to_server,
)
from attune.booking.v1.booking_service_pb2_grpc import (
    BookingServiceStub,
    add_BookingServiceServicer_to_server,
)
from attune_local.servers import free_port
from attune_testing.fixtures import PUBLIC_KEYS, TestClock, serve, signer
from availability.servicer import AvailabilityServicer
from availability.state import State
from booking.servicer import BookingServicer
from common.db.database import Database
from common.rpc import channels
from common.rpc.identity import Verifier
from common.rpc.server import Server

sys.path.append(str(Path(__file__).parents[3]))

from services.booking.tests.booking_world import NOW, Both, Running  # importable now


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("booking")


@pytest.fixture
def alone(database: Database) -> Iterator[Running]:
    """Booking, with nobody where availability should be."""
    clock = TestClock(NOW)
    with (
        channels.channel(f"ipv4:127.0.0.1:{free_port()}", signer("booking")) as nowhere,
        serve(
            add_BookingServiceServicer_to_server,
            BookingServicer(database, AvailabilityServiceStub(nowhere), clock),
        ) as served,
        served.channel() as channel,
    ):
        yield Running(database, clock, BookingServiceStub(channel))


@pytest.fixture(scope="session")
def _both(database: Database, make_test_database: Callable[[str], Database]) -> Iterator[Both]:
    clock, port = TestClock(NOW), free_port()
    with ExitStack() as open_now:
        to_booking = channels.channel(f"ipv4:127.0.0.1:{port}", signer("availability"))
        state = State(
            make_test_database("availability"),
            BookingServiceStub(open_now.enter_context(to_booking)),
            clock,
        )
        set_up = AvailabilityServicer(make_test_database("availability"), state, clock)
        asked = open_now.enter_context(serve(add_AvailabilityServiceServicer_to_server, set_up, 32))
        to_availability = open_now.enter_context(asked.channel("booking"))
        server = Server(Verifier(PUBLIC_KEYS), 32)
        server.add(
            add_BookingServiceServicer_to_server,
            BookingServicer(database, AvailabilityServiceStub(to_availability), clock),
        )
        server.listen(f"127.0.0.1:{port}")
        open_now.callback(server.stop, 1)
        channel = open_now.enter_context(
            channels.channel(f"ipv4:127.0.0.1:{port}", signer(), timeout=20, most=128)
        )
        staff_channel = open_now.enter_context(asked.channel())
        yield Both(
            database, clock, BookingServiceStub(channel), AvailabilityServiceStub(staff_channel)
        )


@pytest.fixture
def both(_both: Both) -> Both:
    """Booking and availability, at NOW."""
    _both.clock.present = NOW
    return _both
