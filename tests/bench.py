"""`make bench`: the ratios of docs/performance.md, both sides of each in one run.

Rates on a shared machine swing; a ratio is the median over interleaved rounds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune.availability.v1 import slot_service_pb2 as availability
from attune.booking.v1 import booking_service_pb2 as booking
from attune.booking.v1.booking_pb2 import Client
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune_local.servers import Postgres, free_port
from attune_local.stack import Stack
from attune_testing.stubs import AvailabilityStub, BookingStub
from availability.domain.hours import WeeklyBlock
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from common.errors import Conflict
from common.rpc import channels, identity
from common.rpc.identity import VISITOR
from common.services import GATEWAY
from common.zones import zone
from tests.world import World

ROUNDS = 5
_LIMITS = ("REQUESTS", "WRITES", "PUBLIC_WRITES", "SIGN_INS")
DAY = 24 * 60
MONDAY = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp()) // 60
SHAPE = Shape(duration=30, step=15, buffer_before=5, buffer_after=10)


def main() -> None:
    """Run every measurement and print its line."""
    report("id", "what", "ratio", "seen")
    for days in (7, 30):
        engine_against_merge(days)
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        Path(folder).chmod(0o755)
        limits = {f"LIMIT_{name}": "1000000/minute" for name in _LIMITS}
        stack = Stack(Path(folder), free_port(), extra={**limits, "LOG_LEVEL": "WARNING"})
        try:
            stack.start()
            for days in (7, 90):
                search_against_empty(stack, days)
            bookings_against_pgbench(stack)
            race(stack)
        finally:
            stack.stop()


def report(number: str, what: str, ratio: str, seen: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{number:<4} {what:<58} {ratio:>9}  {seen}\n")
    sys.stdout.flush()


def ratio(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """The median of ours / theirs over interleaved rounds, and the median of each."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    quotient = statistics.median(a / b for a, b in pairs)
    return quotient, statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


# P3: the engine against a plain interval merge.


def engine_against_merge(days: int) -> None:
    """Warm searches of one provider, against merging hours and bookings anew for each."""
    blocks = [
        WeeklyBlock(start * 60, end * 60, day=day)
        for day in range(5)
        for start, end in ((9, 12), (13, 17))
    ]
    taken = [(MONDAY + (d * 3 % 92) * DAY + 14 * 60, 40) for d in range(40)]
    timetable = Timetable(zone("America/New_York"), blocks)
    for number, (start, length) in enumerate(taken):
        timetable.take(str(number), 0, start, start + length)
    first, end = MONDAY, MONDAY + days * DAY
    merged = merge([(b.day or 0, b.start, b.end) for b in blocks], taken, first, end)
    assert list(timetable.starts(SHAPE, first, end)) == merged  # compare like with like

    def ours() -> float:
        return per_second(lambda: timetable.starts(SHAPE, first, end), 20_000)

    def plain() -> float:
        hours = [(b.day or 0, b.start, b.end) for b in blocks]
        return per_second(lambda: merge(hours, taken, first, end), 200)

    times, a, b = ratio(ours, plain)
    seen = f"{1e6 / a:.2f} µs against {1e6 / b:.0f} µs"
    report("P3", f"engine against interval merge, {days} days", f"{times:.0f} x", seen)


def merge(
    hours: Sequence[tuple[int, int, int]],
    taken: Sequence[tuple[int, int]],
    first: int,
    end: int,
) -> list[int]:
    """Starts by expanding the hours and subtracting what is taken, as others do it."""
    new_york = zone("America/New_York")
    midnight = datetime.fromtimestamp(first * 60, new_york).replace(hour=0, minute=0)
    busy = sorted((s, s + length) for s, length in taken)
    found = []
    day = midnight - timedelta(days=1)
    while day.timestamp() / 60 < end:
        for weekday, opens, closes in hours:
            if weekday != day.weekday():
                continue
            start = int((day + timedelta(minutes=opens)).timestamp()) // 60
            close = int((day + timedelta(minutes=closes)).timestamp()) // 60
            while start + SHAPE.duration <= close:
                low, high = SHAPE.needs(start)
                if first <= start < end and not any(s < high and low < e for s, e in busy):
                    found.append(start)
                start += SHAPE.step
        day += timedelta(days=1)
    return found


def per_second(work: Callable[[], Any], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - began)


# P1: the search RPC against an empty one of the same server.


def search_against_empty(stack: Stack, days: int) -> None:
    """Requests a second of SearchSlots, warm, against a health check in the same process."""
    world = World.make(stack)
    channel = gateway_channel(stack, "availability")
    search_stub = AvailabilityStub(channel)
    empty_stub: Any = health_pb2_grpc.HealthStub(channel)
    first = int(time.time()) // 60
    search = availability.SearchSlotsRequest(
        username=world.username,
        service="session",
        mode=MODE_TELEHEALTH,
        first_minute=first,
        end_minute=first + days * DAY,
    )
    empty = health_pb2.HealthCheckRequest(service="liveness")

    def ours() -> float:
        return in_flight(lambda: search_stub.SearchSlots(search), 16, 2000)

    def theirs() -> float:
        return in_flight(lambda: empty_stub.Check(empty), 16, 2000)

    ours()
    times, a, b = ratio(ours, theirs)
    report(
        "P1",
        f"SearchSlots against an empty RPC, {days} days",
        f"{times:.2f}",
        f"{a:.0f}/s, {b:.0f}/s",
    )


def in_flight(work: Callable[[], Any], threads: int, count: int) -> float:
    """Calls a second with so many in flight."""

    def some(_: int) -> None:
        with identity.acting_as(VISITOR):
            for _ in range(count // threads):
                work()

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(some, range(threads)))
        return count / (time.perf_counter() - began)


def gateway_channel(stack: Stack, service: str) -> Any:
    """Calls are signed as the gateway signs them."""
    signer = identity.Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
    return channels.channel(stack.target(service), signer, timeout=30, most=128)


# P5, P6: bookings.


def bookings_against_pgbench(stack: Stack) -> None:
    """Bookings a second through the RPC, 16 in flight, against pgbench inserting the same rows
    of occupancy, booking and outbox in one statement on the same server."""
    stub = BookingStub(gateway_channel(stack, "booking"))
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
    """Starts an hour apart, of ninety days from an offset on."""
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
        client=Client(
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
    """64 clients for one slot, ten times: winners, and the p99 against that without a race."""
    world = World.make(stack)
    stub = BookingStub(gateway_channel(stack, "booking"))
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


def p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


if __name__ == "__main__":
    main()
