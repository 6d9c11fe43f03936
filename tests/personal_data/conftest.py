"""One stack, with its own servers, that the tests of this folder search."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from attune_local.servers import free_port
from attune_local.stack import Stack
from tests.collector import Collector
from tests.personal_data.places import Places
from tests.world import PATIENT

FIRST_KEY = "the-first-key"


@dataclass
class Whole:
    """The stack, and every place where it leaves data."""

    stack: Stack
    places: Places


@pytest.fixture(scope="package")
def whole() -> Iterator[Whole]:
    """A stack that reports as much as possible: logs of every level, all spans, metrics every five
    seconds."""
    with (
        tempfile.TemporaryDirectory(prefix="attune-data-") as name,
        Collector(everything=True) as collector,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
        stack = Stack(
            folder,
            free_port(),
            extra={
                **PATIENT,
                "LOG_LEVEL": "DEBUG",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_METRIC_EXPORT_INTERVAL": "5000",
                "LIMIT_REQUESTS": "1000000/minute",
                "LIMIT_WRITES": "1000000/minute",
                "LIMIT_PUBLIC_WRITES": "1000000/minute",
                "LIMIT_SIGN_INS": "1000000/minute",
            },
            replicas={"booking": 2, "availability": 2},
        )
        # A name so long that no hash begins with it by chance.
        rings = {
            service: f"{FIRST_KEY}:{ring.partition(':')[2]}"
            for service, ring in stack.secrets.encryption_keys.items()
        }
        stack.secrets = replace(stack.secrets, encryption_keys=rings)
        try:
            stack.start()
            yield Whole(stack, Places(stack, collector))
        finally:
            stack.stop()
