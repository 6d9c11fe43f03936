"""A stack whose parts can fail, for the tests of this folder that break something, and gateways
with low limits for the shared stack."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_testing.waiting import until
from common.messaging.nats import Bus
from tests.faults import FaultyStack
from tests.gateways import Gateways, gateways
from tests.integration.chaos import quiet
from tests.mailserver import MailServer


@dataclass
class Faulty:
    """A stack with its mail server and clock. A test repairs what it breaks."""

    stack: FaultyStack
    mail: MailServer
    bus: Bus
    clock_file: Path

    def await_quiet(self) -> None:
        """Wait until all work that was begun is done."""
        until(lambda: self.bus.connected, bool)
        assert quiet.wait(self.stack, self.bus, 0, 60) == []


@pytest.fixture(scope="package")
def faulty() -> Iterator[Faulty]:
    """A stack for the session: two replicas of availability, one of each other service, and a mail
    server."""
    with tempfile.TemporaryDirectory(prefix="attune-faulty-") as name, MailServer() as mail:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
        clock_file = folder / "clock"
        stack = FaultyStack(
            folder,
            free_port(),
            extra={
                "CLOCK_FILE": str(clock_file),
                "CHANNEL": "smtp",
                "SMTP_URL": mail.url,
                "LIMIT_PUBLIC_WRITES": "1000000/minute",
                "LIMIT_WRITES": "1000000/minute",
            },
            replicas={"availability": 2},
        )
        try:
            stack.start()
            with Bus(stack.direct_nats_url, "tests") as bus:
                bus.start()
                assert bus.wait(60)
                yield Faulty(stack, mail, bus, clock_file)
        finally:
            stack.stop()


@pytest.fixture(scope="package")
def guarded(stack: Stack) -> Iterator[Gateways]:
    """Gateways with production settings and low limits in front of the shared stack."""
    with gateways(stack) as started:
        yield started


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder for `attune up`."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.owner() == "root" and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)  # PostgreSQL's own user must pass
    return tmp_path / "data"
