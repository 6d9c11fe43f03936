"""Availability and booking, running together. Helpers are in `availability_world`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from attune_local.servers import free_port
from attune_testing.clock import TestClock
from attune_testing.identities import signer
from attune_testing.serving import serve
from attune_testing.stubs import AvailabilityStub, BookingStub
from availability.adapters.booking import Occupancy
from availability.events import handlers
from availability.jobs import jobs
from availability.search.cache import Cache
from availability.servicer import servicers
from booking.adapters.availability import Availability
from booking.servicer import servicers as booking_servicers
from common.db.database import Database
from common.jobs.worker import Worker
from common.messaging.consumer import Consumer
from common.messaging.nats import Bus
from common.messaging.outbox import Relay
from common.rpc import channels

sys.path.append(str(Path(__file__).parents[3]))

from attune_testing.waiting import until
from services.availability.tests.availability_world import (
    NOW,
    Practice,
    Provider,
    Replica,
    World,
    following,
)


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("availability")


@pytest.fixture(scope="module")
def _world(
    database: Database, make_test_database: Callable[[str], Database], nats_url: str
) -> Iterator[World]:
    """Start both services for one module: their workers take events that other services' tests
    look for."""
    clock, booking_port = TestClock(NOW), free_port()
    booking_database, booking_address = make_test_database("booking"), f"127.0.0.1:{booking_port}"
    with ExitStack() as open_now:
        database.clock = clock
        bus = open_now.enter_context(Bus(nats_url, "tests"))
        bus.start()
        assert bus.wait(60)

        to_booking = open_now.enter_context(
            channels.channel(f"ipv4:{booking_address}", signer("availability"))
        )
        taken = Occupancy(to_booking)
        cache = Cache(database, taken, clock)
        running = open_now.enter_context(serve(servicers(database, cache, clock), 32))
        to_availability = open_now.enter_context(running.channel("booking"))
        bookings = booking_servicers(booking_database, Availability(to_availability), clock)
        booking_server = open_now.enter_context(serve(bookings, 32, booking_port))

        for part in (
            Relay(database, bus),
            Relay(booking_database, bus),
            Consumer("availability", database, bus, handlers),
            Worker(database, clock, jobs, taken, poll=0.05),
        ):
            part.start()
            open_now.callback(part.stop)
        cache.follow(bus)
        until(lambda: following(cache).age < 1)

        rpc = AvailabilityStub(open_now.enter_context(running.channel()))
        booking = BookingStub(open_now.enter_context(booking_server.channel()))
        yield World(
            database,
            booking_database,
            clock,
            bus,
            Replica(cache, rpc),
            booking,
            booking_address,
        )


@pytest.fixture
def world(_world: World) -> World:
    """Both services, with the clock at NOW."""
    _world.clock.present = NOW
    return _world


@pytest.fixture
def practice(world: World) -> Practice:
    """A practice of the test's own."""
    return Practice(world)


@pytest.fixture
def provider(practice: Practice) -> Provider:
    """A provider of the test's own, bookable for an hour from 9 to 12 on every day in New York."""
    practice.service()
    return practice.provider()
