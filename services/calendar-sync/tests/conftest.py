"""Calendar-sync on its own database, behind a real port."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from attune_testing.identities import signer
from attune_testing.serving import Served, serve
from attune_testing.stubs import CalendarSyncStub
from calendar_sync.adapters.availability import Providers
from calendar_sync.adapters.booking import Bookings
from calendar_sync.servicer import servicers
from common import ids
from common.db.database import Database
from common.rpc import channels


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("calendar_sync")


@pytest.fixture
def clock() -> TestClock:
    return TestClock(utc("2026-03-02 12:00"))


@pytest.fixture
def alone(database: Database, clock: TestClock) -> Iterator[CalendarSyncStub]:
    """Calendar-sync, while booking and availability are away."""
    nowhere = Served(f"127.0.0.1:{free_port()}").channel("calendar-sync")
    served_here = servicers(database, clock, Bookings(nowhere), Providers(nowhere))
    with serve(served_here) as served:
        yield CalendarSyncStub(served.channel())


@pytest.fixture
def practice() -> UUID:
    """A practice of the test's own."""
    return ids.new()


@pytest.fixture
def provider() -> UUID:
    """A provider of that practice."""
    return ids.new()


@pytest.fixture
def sync(database: Database, clock: TestClock, peers: str) -> Iterator[CalendarSyncStub]:
    """Calendar-sync, with the real booking and availability to ask."""
    channel = channels.channel(peers, signer("calendar-sync"))
    served_here = servicers(database, clock, Bookings(channel), Providers(channel))
    with serve(served_here) as served:
        yield CalendarSyncStub(served.channel())
