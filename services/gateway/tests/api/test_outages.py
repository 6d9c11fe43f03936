"""The API while a service is unavailable."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from attune_local.servers import stop
from attune_local.stack import Stack
from attune_testing.waiting import until
from services.gateway.tests.clinic import Practice


@contextmanager
def away(stack: Stack, name: str) -> Iterator[None]:
    """Stop a service inside the block."""
    processes = [process for process in stack.processes if process.name == name]
    for process in processes:
        stop(process.handle, signal.SIGTERM, 15)
    try:
        yield
    finally:
        for process in [stack.restart(process) for process in processes]:
            stack.await_ready(process)


def readiness(stack: Stack) -> tuple[int, dict[str, str]]:
    answer = requests.get(f"{stack.url}/readyz", timeout=60)
    states = answer.json()["dependencies"]
    return answer.status_code, {name: state for name, state in states.items() if state != "ok"}


@pytest.mark.req("PF-13", "GW-4")
@pytest.mark.parametrize("name", ["telehealth-rooms", "notifications", "billing", "calendar-sync"])
def test_a_service_that_is_away_costs_only_its_own_feature(
    stack: Stack, practice: Practice, name: str
) -> None:
    start = practice.slots()[-1]
    with away(stack, name):
        booked = practice.book(start)
        assert booked["status"] == "confirmed"
        assert ("join_url" in booked) == (name != "telehealth-rooms")
        until(lambda: readiness(stack), lambda state: state == (200, {name: "unavailable"}))
        if name == "billing":
            answer = practice.owner.send("GET", "/billables")
            assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")
            assert "detail" not in answer.json()
    until(lambda: readiness(stack), lambda state: state == (200, {}))


@pytest.mark.req("PF-13", "GW-4")
def test_without_booking_searching_goes_on(stack: Stack, practice: Practice) -> None:
    start = practice.slots()[-1]
    with away(stack, "booking"):
        assert practice.slots()[-1] == start
        wanted = practice.booking(start)
        answer = practice.visitor.send("POST", f"{practice.path}/bookings", wanted)
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"] == "1"
        until(lambda: readiness(stack), lambda state: state == (503, {"booking": "unavailable"}))
    until(lambda: readiness(stack), lambda state: state == (200, {}))
    practice.book(start)
