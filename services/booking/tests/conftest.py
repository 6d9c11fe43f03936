"""Booking's database. The tests share `services.booking.tests.booking_world`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attune.availability.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from attune.booking.v1.booking_service_pb2_grpc import (
    BookingServiceStub,
    add_BookingServiceServicer_to_server,
)
from booking.servicer import BookingServicer
from common import clients
from common.database import Database
from common.embedded import free_port
from common.testing import TestClock, serve, signer

sys.path.append(str(Path(__file__).parents[3]))

from services.booking.tests.booking_world import NOW, Running  # importable now


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("booking")


@pytest.fixture
def alone(database: Database) -> Iterator[Running]:
    """Booking, with nobody where availability should be."""
    clock = TestClock(NOW)
    with (
        clients.channel(f"ipv4:127.0.0.1:{free_port()}", signer("booking")) as nowhere,
        serve(
            add_BookingServiceServicer_to_server,
            BookingServicer(database, AvailabilityServiceStub(nowhere), clock),
        ) as served,
        served.channel() as channel,
    ):
        yield Running(database, clock, BookingServiceStub(channel))
