"""The services of the last release run on the new schema, beside those of this one, which is what
happens while replicas are replaced."""

import copy
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from attune_local.servers import free_port, stop
from attune_local.stack import Stack
from common.services import GATEWAY
from tests.world import Http, World, token_of

pytestmark = pytest.mark.req("PF-15")
# Those that a booking cannot do without.
REPLACED = ("availability", "booking", GATEWAY)
VISITOR = {"X-Visitor-Id": "0123456789abcdef0123456789abcdef"}


@pytest.fixture(scope="module")
def old(stack: Stack, last_release: Path) -> Iterator[Http]:
    """The API of the last release's gateway, which calls its own availability and booking. They
    share databases, events, and all other services with the shared stack."""
    beside = copy.copy(stack)
    beside.extra = {**stack.extra, "PYTHONPATH": str(last_release)}
    beside.processes = []
    beside.port = free_port()
    beside.ports = {
        name: [free_port()] if name in REPLACED else ports for name, ports in stack.ports.items()
    }
    for name in REPLACED:
        beside.start_service(name, beside.port if name == GATEWAY else beside.ports[name][0])
    try:
        for process in beside.processes:
            beside.await_ready(process)
            assert _imports_from(process.handle.pid, last_release)
        yield Http(beside.url)
    finally:
        for process in beside.processes:
            stop(process.handle, signal.SIGTERM, 15)


def _imports_from(pid: int, folder: Path) -> bool:
    """Return whether a process finds its packages in a folder."""
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return f"PYTHONPATH={folder}".encode() in environment and (folder / "booking").is_dir()


def _hold(http: Http, world: World, start: str) -> str:
    """Hold a start as a visitor, and return the hold's id."""
    body = {"service": "session", "mode": "telehealth", "start": start}
    made = http.post(f"/providers/{world.username}/holds", body, status=201, headers=VISITOR)
    return str(made["hold"])


def _link(made: dict[str, Any]) -> dict[str, str]:
    """Return the header that presents a booking's manage link."""
    return {"Authorization": f"Manage {token_of(made['manage_url'])}"}


def _status(http: Http, made: dict[str, Any]) -> str:
    answer = http.call("GET", f"/bookings/{made['id']}", headers=_link(made))
    return str(answer.json()["status"])


def _cancel(http: Http, made: dict[str, Any]) -> dict[str, Any]:
    path = f"/bookings/{made['id']}/cancel"
    cancelled: dict[str, Any] = http.post(path, headers=_link(made))
    return cancelled


def test_the_last_release_books_reads_and_cancels_on_the_new_schema(
    world: World, old: Http
) -> None:
    start = world.a_start()
    body = world.request(start)
    hold = _hold(old, world, start)
    path = f"/providers/{world.username}/bookings"
    made = old.post(path, {**body, "hold": hold}, status=201, headers=VISITOR)
    assert _status(old, made) == _status(world.public, made) == "confirmed"
    assert start not in world.slots(old, revision=made["revision"])
    # This release's services handle the events of the last one's.
    world.messages(to=body["client"]["email"], count=1)

    cancelled = _cancel(old, made)
    assert cancelled["status"] == "cancelled"
    assert start in world.slots(old, revision=cancelled["revision"])
    assert start in world.slots(revision=cancelled["revision"])


def test_what_this_release_books_the_last_one_cancels(world: World, old: Http) -> None:
    start = world.a_start()
    made = world.book(start)
    assert start not in world.slots(old, revision=made["revision"])
    cancelled = _cancel(old, made)
    assert _status(world.public, made) == "cancelled"
    assert start in world.slots(revision=cancelled["revision"])


def test_what_the_last_release_books_this_one_cancels(world: World, old: Http) -> None:
    start = world.a_start()
    path = f"/providers/{world.username}/bookings"
    made = old.post(path, world.request(start), status=201)
    assert start not in world.slots(revision=made["revision"])
    cancelled = _cancel(world.public, made)
    assert _status(old, made) == "cancelled"
    assert start in world.slots(old, revision=cancelled["revision"])
