"""The whole Attune, started once for all tests that need it, in one of the test processes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.embedded import free_port
from common.local import Stack
from common.testing import POSTGRES
from tests.collector import Collector
from tests.world import World

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them in one process under pytest-xdist, which so starts one Attune."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Receives what the services export by OTLP."""
    with Collector() as started:
        yield started


@pytest.fixture(scope="session")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seconds written here are added to every service's clock."""
    return tmp_path_factory.mktemp("clock") / "shift"


@pytest.fixture(scope="session")
def stack(collector: Collector, clock_file: Path) -> Iterator[Stack]:
    """Every service as a process of its own; two of booking."""
    with tempfile.TemporaryDirectory(prefix="attune-stack-") as folder:
        started = Stack(
            Path(folder),
            free_port(),
            extra={
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "CLOCK_FILE": str(clock_file),
                "LIMIT_WRITES": "1000000/minute",
                "LIMIT_READS": "1000000/minute",
                "LIMIT_SIGN_INS": "1000000/minute",
            },
            replicas={"booking": 2},
            postgres_url=os.environ[POSTGRES],
        )
        try:
            started.start()
            yield started
        finally:
            started.stop()


@pytest.fixture
def world(stack: Stack) -> World:
    """A practice of the test's own, with one provider who can be booked."""
    return World.make(stack)
