"""Test fixtures: a real PostgreSQL and NATS, and services in the test's own process.

Servers come from the wheels; from containers with ATTUNE_TEST_BACKEND=containers; or from
ATTUNE_TEST_POSTGRES_URL (a superuser's, without database) and ATTUNE_TEST_NATS_URL.
"""

import functools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from attune_local.servers import Nats, Postgres, free_port
from attune_local.stack import make_database
from common import ids
from common.db import encryption, migrations
from common.db.database import Database
from common.messaging.nats import Bus
from common.rpc import channels, identity
from common.rpc.server import Server, Servicers
from common.services import GATEWAY, OPERATOR, SERVICES

POSTGRES = "ATTUNE_TEST_POSTGRES_URL"
NATS = "ATTUNE_TEST_NATS_URL"
BACKEND = "ATTUNE_TEST_BACKEND"
_PASSWORD = "attune-tests"  # noqa: S105  # of servers that live as long as the run
_TICK, _LATE = 0.02, 0.1  # seconds between two looks at the clock, and the most that count
_NAMES = (*SERVICES, GATEWAY, OPERATOR)
_PAIRS = {name: identity.new_key_pair() for name in _NAMES}
PUBLIC_KEYS = ",".join(f"{name}:{public}" for name, (_, public) in _PAIRS.items())


class TestClock:
    """A clock that the test moves."""

    __test__ = False

    def __init__(self, now: datetime) -> None:
        self.present = now

    def now(self) -> datetime:
        return self.present

    def advance(self, by: timedelta) -> None:
        self.present += by


class _Steady(threading.Thread):
    """Counts the seconds in which this process was let run."""

    def __init__(self) -> None:
        super().__init__(name="steady", daemon=True)
        self.seconds = 0.0
        self.start()

    def run(self) -> None:
        last = time.monotonic()
        while True:
            time.sleep(_TICK)
            now = time.monotonic()
            self.seconds += min(now - last, _LATE)
            last = now


@functools.cache
def _steady() -> _Steady:
    return _Steady()


def steady() -> float:
    """As `time.monotonic`, but it stands still while the machine does: what is measured by it is
    not longer because a virtual machine was paused, or had no processor to run on."""
    return _steady().seconds


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """PostgreSQL and NATS for one run: their URLs."""
    if POSTGRES in os.environ and NATS in os.environ:
        yield os.environ[POSTGRES], os.environ[NATS]
    elif os.environ.get(BACKEND) == "containers":
        with _containers() as urls:
            yield urls
    else:
        with tempfile.TemporaryDirectory(prefix="attune-tests-") as folder:
            Path(folder).chmod(0o755)  # PostgreSQL's unprivileged user must pass
            postgres = Postgres(Path(folder) / "postgres", free_port(), _PASSWORD)
            nats = Nats(Path(folder) / "nats", free_port())
            postgres.start()
            nats.start()
            try:
                yield postgres.url, nats.url
            finally:
                nats.stop()
                postgres.stop()


@contextmanager
def _containers() -> Iterator[tuple[str, str]]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs
    from testcontainers.postgres import PostgresContainer

    postgres = PostgresContainer("postgres:18", username="postgres", password=_PASSWORD)
    nats = DockerContainer("nats:2").with_command("-js").with_exposed_ports(4222)
    with postgres, nats:
        wait_for_logs(nats, "Server is ready")
        yield (
            f"postgresql://postgres:{_PASSWORD}@{postgres.get_container_host_ip()}"
            f":{postgres.get_exposed_port(5432)}",
            f"nats://{nats.get_container_host_ip()}:{nats.get_exposed_port(4222)}",
        )


@pytest.fixture(scope="session", autouse=True)
def key_ring() -> encryption.KeyRing:
    """The process's key ring."""
    ring = encryption.KeyRing(f"k1:{encryption.new_key()}", encryption.new_key())
    encryption.use(ring)
    return ring


def new_database(package: str, worker_id: str) -> Database:
    """A service's migrated database of one's own, as its own role."""
    name = f"test_{package}_{worker_id}_{ids.new().hex[:8]}"
    server = os.environ[POSTGRES]
    make_database(server, name, _PASSWORD)
    host = server.rpartition("@")[2]
    owner = f"postgresql://{name}_owner:{_PASSWORD}@{host}/{name}"
    migrations.migrate(package, owner, name)
    return Database(
        f"postgresql://{name}:{_PASSWORD}@{host}/{name}", 80, service=package.replace("_", "-")
    )


@pytest.fixture(scope="session")
def make_test_database(worker_id: str) -> Iterator[Callable[[str], Database]]:
    """`make_test_database("booking")` is that service's migrated database, as its own role; one
    for the whole run, so tests keep to practices of their own."""
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
    """A NATS server of this worker alone, since streams are shared by name."""
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
def worker_id(request: pytest.FixtureRequest) -> str:
    """`gw0`, `gw1` … under pytest-xdist, `master` without."""
    worker: dict[str, str] | None = getattr(request.config, "workerinput", None)
    return worker["workerid"] if worker else "master"


def signer(name: str = GATEWAY) -> identity.Signer:
    """Signs as one of the services."""
    return identity.Signer(name, _PAIRS[name][0])


@dataclass(frozen=True)
class Served:
    """A servicer behind a real port."""

    address: str

    def channel(self, issuer: str = GATEWAY) -> grpc.Channel:
        """Calls are signed by `issuer` for whoever is `identity.acting_as(...)`; the gateway
        alone may speak for people."""
        target = f"ipv4:{self.address}"
        return channels.channel(target, signer(issuer), timeout=10, most=128)


@contextmanager
def serve(servicers: Servicers, workers: int = 16, port: int = 0) -> Iterator[Served]:
    """Serve in this process, as `common.service` does; on a free port unless one is
    given, as services that ask each other need."""
    server = Server(identity.Verifier(PUBLIC_KEYS), workers)
    server.add(servicers)
    bound = server.listen(f"127.0.0.1:{port}")
    try:
        yield Served(f"127.0.0.1:{bound}")
    finally:
        server.stop(1)


def staff(
    practice_id: object, *roles: str, provider_id: object = "", account_id: object = ""
) -> identity.Identity:
    """An account of a practice: an owner unless roles are given."""
    return identity.Identity(
        f"account:{account_id or ids.new()}",
        str(practice_id),
        frozenset(roles or ("owner",)),
        provider_id=str(provider_id),
    )


def client(practice_id: object, client_id: object, booking_id: object = "") -> identity.Identity:
    """A signed-in client, or one who holds a manage link."""
    return identity.Identity(
        f"client:{client_id}",
        str(practice_id),
        client_id=str(client_id),
        booking_id=str(booking_id),
    )


def service(name: str, practice_id: object = "") -> identity.Identity:
    """A service acting for a practice."""
    return identity.Identity(f"service:{name}", str(practice_id))


def utc(text: str) -> datetime:
    """`utc("2026-11-02 14:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
