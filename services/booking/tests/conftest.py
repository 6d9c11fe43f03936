"""Booking's database, and the service by itself or with availability beside it. The tests share
`services.booking.tests.booking_world`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from attune_local.servers import free_port
from attune_testing.clock import TestClock
from attune_testing.identities import PUBLIC_KEYS, signer
from attune_testing.serving import serve
from attune_testing.stubs import AvailabilityStub, BookingStub
from availability.adapters.booking import Occupancy
from availability.search.cache import Cache
from availability.servicer import servicers as availability_servicers
from booking.adapters.availability import Availability
from booking.servicer import servicers
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
    """Booking, while availability is away."""
    clock = TestClock(NOW)
    with (
        channels.channel(f"ipv4:127.0.0.1:{free_port()}", signer("booking")) as nowhere,
        serve(servicers(database, Availability(nowhere), clock)) as served,
        served.channel() as channel,
    ):
        yield Running(database, clock, BookingStub(channel))


@pytest.fixture(scope="session")
def _both(database: Database, make_test_database: Callable[[str], Database]) -> Iterator[Both]:
    clock, port = TestClock(NOW), free_port()
    with ExitStack() as open_now:
        to_booking = channels.channel(f"ipv4:127.0.0.1:{port}", signer("availability"))
        cache = Cache(
            make_test_database("availability"),
            Occupancy(open_now.enter_context(to_booking)),
            clock,
        )
        set_up = availability_servicers(make_test_database("availability"), cache, clock)
        asked = open_now.enter_context(serve(set_up, 32))
        to_availability = open_now.enter_context(asked.channel("booking"))
        server = Server(Verifier(PUBLIC_KEYS), 32)
        server.add(servicers(database, Availability(to_availability), clock))
        server.listen(f"127.0.0.1:{port}")
        open_now.callback(server.stop, 1)
        channel = open_now.enter_context(
            channels.channel(f"ipv4:127.0.0.1:{port}", signer(), timeout=20, most=128)
        )
        staff_channel = open_now.enter_context(asked.channel())
        yield Both(database, clock, BookingStub(channel), AvailabilityStub(staff_channel))


@pytest.fixture
def both(_both: Both) -> Both:
    """Booking and availability, with the clock at NOW."""
    _both.clock.present = NOW
    return _both
