"""P1: the search RPC against an empty one of the same server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from attune.availability.v1.slot_service_pb2 import SearchSlotsRequest
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceStub
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune_local.stack import Stack
from common.rpc import identity
from common.rpc.identity import VISITOR
from tests.bench.measure import DAY, ratio, report
from tests.bench.running import gateway_channel
from tests.world import World


def measure(stack: Stack) -> None:
    """Measure P1 for both ranges."""
    for days in (7, 90):
        search_against_empty(stack, days)


def search_against_empty(stack: Stack, days: int) -> None:
    """Measure requests a second of SearchSlots, warm, against a health check in the same
    process."""
    world = World.make(stack)
    channel = gateway_channel(stack, "availability")
    search_stub = SlotServiceStub(channel)
    empty_stub: Any = health_pb2_grpc.HealthStub(channel)
    first = int(time.time()) // 60
    search = SearchSlotsRequest(
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
    """Return the calls a second with so many in flight."""

    def some(_: int) -> None:
        with identity.acting_as(VISITOR):
            for _ in range(count // threads):
                work()

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(some, range(threads)))
        return count / (time.perf_counter() - began)
