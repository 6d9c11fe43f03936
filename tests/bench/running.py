"""The Attune that is measured: as shipped, with its telemetry sent to a collector here."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attune_local.servers import free_port
from attune_local.stack import Stack
from common.rpc import channels, identity
from common.services import GATEWAY
from tests.collector import Collector

_LIMITS = ("REQUESTS", "WRITES", "PUBLIC_WRITES", "SIGN_INS")


@contextlib.contextmanager
def attune() -> Iterator[Stack]:
    """Run an Attune that limits nobody, records 1 % of the traces and exports metrics."""
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder, Collector() as collector:
        Path(folder).chmod(0o755)  # PostgreSQL's unprivileged user must pass
        extra = {
            **{f"LIMIT_{name}": "1000000/minute" for name in _LIMITS},
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
        }
        stack = Stack(Path(folder), free_port(), extra=extra)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


def gateway_channel(stack: Stack, service: str) -> Any:
    """Return a channel whose calls are signed as the gateway signs its own."""
    signer = identity.Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
    return channels.channel(stack.target(service), signer, timeout=30, most=128)
