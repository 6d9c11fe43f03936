"""The stack that is measured: with default settings, and telemetry sent to a collector here."""

import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_testing import builders
from attune_testing.builders import ZONE
from attune_testing.stubs import AvailabilityStub
from common.rpc import channels, identity
from common.services import GATEWAY
from tests.bench import client
from tests.collector import Collector
from tests.world import PATIENT, World

_LIMITS = ("REQUESTS", "WRITES", "PUBLIC_WRITES", "SIGN_INS")


@contextlib.contextmanager
def attune(*, limited: bool = False) -> Iterator[Stack]:
    """Run a stack that records 1 % of the traces and exports metrics.

    It has no rate limits unless `limited`, and its timeouts are long, so that no call fails on a
    busy machine.
    """
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder, Collector() as collector:
        Path(folder).chmod(0o755)  # PostgreSQL's unprivileged user must pass
        extra = {
            **PATIENT,
            **({} if limited else {f"LIMIT_{name}": "1000000/minute" for name in _LIMITS}),
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


@dataclass(frozen=True)
class Provider:
    """A provider of the practice; `number` is that of the resource whose time is taken."""

    username: str
    provider_id: str
    number: int


@dataclass(frozen=True)
class Practice:
    """A practice of many providers, who work from Monday to Friday, 9 to 12 and 13 to 17."""

    world: World
    providers: Sequence[Provider]

    @property
    def practice_id(self) -> str:
        """The practice's id."""
        return self.world.practice_id

    @classmethod
    def make(cls, stack: Stack, count: int) -> "Practice":
        """Open a practice with so many providers."""
        world = World.make(stack)
        stub = AvailabilityStub(stack.operator_channel("availability"))
        blocks = [
            *builders.week(range(5), "09:00", "12:00"),
            *builders.week(range(5), "13:00", "17:00"),
        ]
        usernames = [
            builders.provider(stub, world.practice_id, blocks=blocks).username for _ in range(count)
        ]
        with psycopg.connect(f"{stack.postgres_url}/availability") as connection:
            found = connection.execute(
                "SELECT username, id::text, number FROM providers WHERE username = ANY(%s)",
                [usernames],
            )
            return cls(world, [Provider(*row) for row in found])

    def booking_requests(self) -> list[bytes]:
        """Return requests that each book a free time of the coming month, hours apart and with
        one provider after the other."""
        starts = [self._free_starts(provider) for provider in self.providers]
        return [
            self._booking_request(provider, start)
            for turn in zip(*starts, strict=True)
            for provider, start in zip(self.providers, turn, strict=True)
        ]

    def _free_starts(self, provider: Provider) -> list[str]:
        """Return the first and the last free start of each day."""
        today = datetime.now(UTC).date()
        query = {"service": "session", "mode": "telehealth", "tz": ZONE}
        query |= {"from": str(today + timedelta(days=1)), "to": str(today + timedelta(days=30))}
        found = self.world.public.get(f"/providers/{provider.username}/slots", **query)
        return [
            day["slots"][which]["start"]
            for day in found["days"]
            for which in (0, -1)
            if day["slots"]
        ]

    def _booking_request(self, provider: Provider, start: str) -> bytes:
        body = json.dumps(self.world.request(start)).encode()
        headers = {"Idempotency-Key": secrets.token_urlsafe()}
        return client.post(f"/api/v1/providers/{provider.username}/bookings", body, headers)
