"""Pytest fixtures for all tests: a key ring, databases, and a connection to NATS."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attune_local.servers import Nats, free_port
from attune_testing.database import new_database
from attune_testing.measurements import Measurements
from attune_testing.servers import BACKEND, NATS
from common.db import encryption
from common.db.database import Database
from common.messaging.nats import Bus

ENCRYPTION_KEYS, BLIND_INDEX_KEY = f"k1:{encryption.new_key()}", encryption.new_key()
"""The keys of this test run's databases."""


@pytest.fixture(scope="session", autouse=True)
def key_ring() -> encryption.KeyRing:
    """Make and use the key ring of this process."""
    ring = encryption.KeyRing(ENCRYPTION_KEYS, BLIND_INDEX_KEY)
    encryption.use(ring)
    return ring


@pytest.fixture(scope="session")
def make_test_database(worker_id: str) -> Iterator[Callable[[str], Database]]:
    """A function that returns a service's migrated database by package: `("booking")`.

    A whole run shares one database for each service, so each test has practices of its own.
    """
    made: dict[str, Database] = {}

    def make(package: str) -> Database:
        if package not in made:
            made[package] = new_database(package, worker_id)
        return made[package]

    yield make
    for database in made.values():
        database.close()


@pytest.fixture(scope="session")
def nats_url(worker_id: str) -> Iterator[str]:
    """The URL of a NATS server that only this worker uses, since all streams have the same name."""
    if os.environ.get(BACKEND) == "containers" or worker_id == "master":
        yield os.environ[NATS]
        return
    with tempfile.TemporaryDirectory(prefix="attune-tests-") as folder:
        server = Nats(Path(folder), free_port())
        server.start()
        yield server.url
        server.stop()


@pytest.fixture(scope="session")
def bus(nats_url: str) -> Iterator[Bus]:
    """A connection to NATS."""
    connection = Bus(nats_url, "tests")
    connection.start()
    assert connection.wait(60), "NATS did not answer"
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def measurements() -> Measurements:
    """Return what reads the metrics of this process."""
    return Measurements()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Return the name of the pytest-xdist worker: `gw0`, `gw1`, …, or `master` without one."""
    worker: dict[str, str] | None = getattr(request.config, "workerinput", None)
    return worker["workerid"] if worker else "master"
