"""Waiting until all work that was begun is done."""

import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from nats.js.errors import NotFoundError
from psycopg.rows import dict_row

from attune_local.stack import Stack
from common.messaging.nats import STREAM, Bus
from common.services import GATEWAY, SERVICES, package
from tests.faults import FaultyStack

_WITH_EVENTS = [service for service in SERVICES if service != GATEWAY]


def query(stack: Stack, service: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Query a service's database as superuser, past all faults, and return the rows."""
    server = stack.direct_postgres_url if isinstance(stack, FaultyStack) else stack.postgres_url
    url = f"{server}/{package(service)}"
    with psycopg.connect(url, row_factory=dict_row) as connection:  # as superuser
        return connection.execute(statement, values).fetchall()


def wait(stack: Stack, bus: Bus, shift: float, seconds: float) -> list[str]:
    """Wait until no work is under way, and return the work that remains after `seconds`."""
    end, quiet = time.monotonic() + seconds, 0
    while quiet < 2:
        left = _under_way(stack, bus, shift)
        quiet = 0 if left else quiet + 1
        if time.monotonic() > end:
            return left
        time.sleep(0.2)
    return []


def _under_way(stack: Stack, bus: Bus, shift: float) -> list[str]:
    left = []
    now = datetime.fromtimestamp(time.time() + shift, UTC)
    for service in _WITH_EVENTS:
        for kind, statement, values in (
            ("events wait", "SELECT count(*) FROM outbox", ()),
            ("work is due", "SELECT count(*) FROM due WHERE due_at <= %s", (now,)),
        ):
            [row] = query(stack, service, statement, *values)
            if row["count"]:
                left.append(f"{service}: {kind}: {row['count']}")
    [row] = query(stack, "notifications", "SELECT count(*) FROM notices WHERE state = 'queued'")
    if row["count"]:
        left.append(f"notices are queued: {row['count']}")
    return left + _not_handled(bus)


def _not_handled(bus: Bus) -> list[str]:
    left = []
    for service in _WITH_EVENTS:
        try:
            info = bus.run(bus.jetstream.consumer_info(STREAM, service))
        except NotFoundError:  # it listens to nothing
            continue
        if info.num_pending or info.num_ack_pending:
            waiting = f"{info.num_pending} pending, {info.num_ack_pending} not acknowledged"
            left.append(f"{service}: {waiting}")
    return left
