"""P5, P6: bookings by RPC, against pgbench and in a race for one slot."""

import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp

from attune.booking.v1 import booking_service_pb2 as booking
from attune.booking.v1.booking_pb2 import ContactDetails
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune_local.servers import Postgres
from attune_local.stack import Stack
from common.errors import Conflict
from common.rpc import identity
from common.rpc.identity import VISITOR
from tests.bench.measure import p99, ratio, report
from tests.bench.running import gateway_channel
from tests.world import World


def bookings_against_pgbench(stack: Stack) -> None:
    """Measure bookings a second through the RPC, 16 in flight, against pgbench inserting the same
    rows of occupancy, booking, and outbox in one statement on the same server."""
    stub = BookingServiceStub(gateway_channel(stack, "booking"))
    count = 400

    def ours() -> float:
        world = World.make(stack, maximum_advance_days=0)
        starts = [
            datetime.fromisoformat(s)
            for offset in range(0, 900, 90)
            for s in every_hour(world, offset)
        ][:count]

        def some(begin: int) -> None:
            with identity.acting_as(VISITOR):
                for start in starts[begin::16]:
                    stub.CreateBooking(request(world, start))

        with ThreadPoolExecutor(16) as pool:
            began = time.perf_counter()
            list(pool.map(some, range(16)))
            return len(starts) / (time.perf_counter() - began)

    ours()
    assert stack.postgres
    prepare_pgbench(stack.postgres)
    times, a, b = ratio(ours, lambda: pgbench(stack.postgres))
    report("P5", "bookings against pgbench, 16 in flight", f"{times:.2f}", f"{a:.0f}/s, {b:.0f}/s")


def every_hour(world: World, offset: int) -> list[str]:
    """Yield starts an hour apart, for ninety days from an offset on."""
    today = datetime.now(UTC).date() + timedelta(days=offset + 1)
    last = today + timedelta(days=89)
    return world.slots(**{"from": today.isoformat(), "to": last.isoformat()})[::4]


def request(world: World, start: datetime) -> booking.CreateBookingRequest:
    instant = Timestamp()
    instant.FromDatetime(start.astimezone(UTC))
    return booking.CreateBookingRequest(
        request_id=os.urandom(8).hex(),
        username=world.username,
        service="session",
        mode=MODE_TELEHEALTH,
        start_time=instant,
        contact=ContactDetails(
            name="Bench", email=f"{os.urandom(6).hex()}@client.example", timezone="Europe/Berlin"
        ),
    )


_SCHEMA = """
CREATE TABLE IF NOT EXISTS b (id bigserial PRIMARY KEY, body bytea);
CREATE TABLE IF NOT EXISTS o (id bigserial PRIMARY KEY, body bytea);
CREATE TABLE IF NOT EXISTS t (
    resource bigint, during int8range,
    EXCLUDE USING gist (int8range(resource, resource, '[]') WITH &&, during WITH &&));
CREATE SEQUENCE IF NOT EXISTS s;
"""
_SCRIPT = """\\set r random(1, 1000000)
WITH n AS (SELECT nextval('s') AS n), x AS (
  INSERT INTO t SELECT :r, int8range(n * 10, n * 10 + 10) FROM n ON CONFLICT DO NOTHING
  RETURNING resource
), y AS (INSERT INTO b (body) SELECT decode(repeat('ab', 400), 'hex') FROM x RETURNING id)
INSERT INTO o (body) SELECT decode(repeat('ab', 200), 'hex') FROM y;
"""


def prepare_pgbench(server: Postgres) -> None:
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute(_SCHEMA.encode())


def pgbench(server: Postgres | None) -> float:
    assert server
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SCRIPT)
        script.flush()
        done = subprocess.run(
            [
                *(str(server.program("pgbench")), "-n", "-c", "16", "-j", "1", "-T", "3"),
                *("-M", "prepared", "-f", script.name, f"{server.url}/postgres"),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
    line = next(x for x in done.stdout.splitlines() if x.startswith("tps"))
    return float(line.split()[2])


def race(stack: Stack) -> None:
    """Let 64 clients race for one slot, ten times: the winners, and the p99 against that without a
    race."""
    world = World.make(stack)
    stub = BookingServiceStub(gateway_channel(stack, "booking"))
    starts = [datetime.fromisoformat(s) for s in every_hour(world, 0)[:60]]

    def attempt(start: datetime) -> tuple[bool, float]:
        began = time.perf_counter()
        try:
            with identity.acting_as(VISITOR):
                stub.CreateBooking(request(world, start))
        except Conflict:
            return False, time.perf_counter() - began
        return True, time.perf_counter() - began

    alone = [attempt(start)[1] for start in starts[:40]]
    winners, raced = [], []
    for start in starts[40:50]:
        with ThreadPoolExecutor(64) as pool:
            results = list(pool.map(attempt, [start] * 64))
        winners.append(sum(won for won, _ in results))
        raced += [seconds for _, seconds in results]
    times = p99(raced) / p99(alone)
    seen = (
        f"winners {sorted(set(winners))}, p99 {p99(raced) * 1e3:.0f} ms, {p99(alone) * 1e3:.0f} ms"
    )
    report("P6", "64 clients for one slot: p99 against uncontended", f"{times:.1f} x", seen)
