"""An installation of the last release becomes this one while clients book."""

import itertools
import secrets
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from attune_local.servers import free_port, stop
from attune_local.stack import Stack, make_database
from attune_operator.main import main
from attune_operator.up import environment_of
from attune_testing.waiting import until
from common.db import migrations
from common.services import GATEWAY, SERVICES, package
from tests.releases.migrating import attune, migration
from tests.world import PATIENT, token_of

pytestmark = [pytest.mark.req("PF-15"), pytest.mark.soak, pytest.mark.timeout(900)]
EVERY = (*SERVICES, GATEWAY)
PROVIDER = "demo"  # of `attune seed` (spec PF-11)
SERVICE = {"service": "therapy-session", "mode": "telehealth"}
AWAY = (503, 504)  # while the one replica of a service restarts


@dataclass
class Client:
    """A client program. Like any good one, it repeats writes under their key."""

    base: str
    errors: list[str] = field(default_factory=list)
    """The answers that a client cannot do anything about."""

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request until it is answered, and return the content."""

        def attempt() -> requests.Response | None:
            try:
                answer = requests.request(
                    method, f"{self.base}/api/v1{path}", timeout=60, **options
                )
            except requests.ConnectionError:
                return None
            return None if answer.status_code in AWAY else answer

        answer = until(attempt)
        assert answer is not None
        if answer.status_code >= 300:
            self.errors.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def starts(self) -> list[str]:
        first = date.today() + timedelta(days=3)
        dates = {"from": first.isoformat(), "to": (first + timedelta(days=40)).isoformat()}
        days = self.call("GET", f"/providers/{PROVIDER}/slots", params={**SERVICE, **dates})["days"]
        return [slot["start"] for day in days for slot in day["slots"]]

    def book(self, start: str, key: str = "") -> dict[str, Any]:
        name = secrets.token_hex(4)
        person = {"name": f"Client {name}", "email": f"{name}@client.example"}
        body = {**SERVICE, "start": start, "client": {**person, "timezone": "Europe/Berlin"}}
        return self.book_as(body, key or secrets.token_hex(16))

    def book_as(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        made: dict[str, Any] = self.call(
            "POST",
            f"/providers/{PROVIDER}/bookings",
            json=body,
            headers={"Idempotency-Key": key, "X-Visitor-Id": "a-visitor-of-this-test"},
        )
        return made

    def read(self, made: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/bookings/{made['id']}", headers=_link(made))
        return found

    def cancel(self, made: dict[str, Any]) -> dict[str, Any]:
        headers = {**_link(made), "Idempotency-Key": secrets.token_hex(16)}
        path = f"/bookings/{made['id']}/cancel"
        cancelled: dict[str, Any] = self.call("POST", path, json={}, headers=headers)
        return cancelled


def _link(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Manage {token_of(made['manage_url'])}"}


class Busy(threading.Thread):
    """A client that books without a pause, and cancels every second booking."""

    def __init__(self, base: str, starts: list[str]) -> None:
        super().__init__(name="busy client")
        self.client = Client(base)
        self.made: list[tuple[dict[str, Any], str]] = []
        """Each booking with the status that it must have."""
        self._starts = starts
        self._ending = threading.Event()

    def run(self) -> None:
        for number, start in zip(itertools.count(), self._starts, strict=False):
            made = self.client.book(start)
            if number % 2:
                self.client.cancel(made)
            self.made.append((made, "cancelled" if number % 2 else "confirmed"))
            if self._ending.wait(0.3):
                return

    def end(self) -> None:
        self._ending.set()
        self.join()


@pytest.fixture
def stack(last_release: Path) -> Iterator[Stack]:
    """An installation of the last release, with its schemas, services, and demo practice."""
    with tempfile.TemporaryDirectory(prefix="attune-upgrade-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
        old = {"PYTHONPATH": str(last_release), **PATIENT}
        made = Stack(folder, free_port(), extra=old)
        try:
            made.start_servers()
            _migrate_to_last_release(made, last_release)
            for service in EVERY:
                made.start_service(
                    service, made.port if service == GATEWAY else made.ports[service][0]
                )
            for process in made.processes:
                made.await_ready(process)
            attune(last_release, (["seed", "--password", "a good long password"], _reach(made)))
            yield made
        finally:
            made.stop()


def _migrate_to_last_release(stack: Stack, installed: Path) -> None:
    for service in EVERY:
        make_database(stack.postgres_url, package(service), stack.secrets.database_password)
    key = stack.secrets.blind_index_key
    calls = [
        migration(name, stack.database_url(name, owner=True), package(name), key) for name in EVERY
    ]
    attune(installed, *calls)


def _reach(stack: Stack) -> dict[str, str]:
    """Return the variables with which the command reaches what it needs to seed."""
    found = environment_of(stack)
    return {
        "NATS_URL": found.nats_url,
        "IDENTITY_KEY": found.operator_key,
        "AVAILABILITY_TARGET": found.targets["availability"],
        "GATEWAY_DATABASE_URL": found.database_urls[GATEWAY],
        "GATEWAY_ENCRYPTION_KEYS": found.encryption_keys[GATEWAY],
        "BLIND_INDEX_KEY": found.blind_index_key,
    }


def _restart_each(stack: Stack) -> None:
    """Restart one process after the other; `stack.extra` decides which release they run."""
    for process in list(stack.processes):
        stop(process.handle, signal.SIGTERM, 40)
        stack.await_ready(stack.restart(process))


def test_the_last_release_is_replaced_while_clients_book(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(stack.url)
    starts = client.starts()[::6]  # so far apart that no two bookings touch
    first, second, third, *others = starts
    before = client.book(first)
    body = {
        **SERVICE,
        "start": second,
        "client": {"name": "A", "email": "a@client.example", "timezone": "Europe/Berlin"},
    }
    again = client.book_as(body, "a-key")

    busy = Busy(stack.url, others)
    busy.start()
    try:
        for service in EVERY:
            owner = stack.database_url(service, owner=True)
            migrations.migrate(package(service), owner, package(service))
        _restart_each(stack)
        between = client.book(third)
        assert client.cancel(before)["status"] == "cancelled"

        stack.extra = {name: v for name, v in stack.extra.items() if name != "PYTHONPATH"}
        _restart_each(stack)
    finally:
        busy.end()

    assert client.read(before)["status"] == "cancelled"
    assert client.read(between)["status"] == "confirmed"
    assert client.book_as(body, "a-key")["id"] == again["id"]
    assert client.cancel(between)["status"] == "cancelled"
    assert len(busy.made) > 10
    assert [client.read(made)["status"] for made, _ in busy.made] == [s for _, s in busy.made]
    assert client.errors + busy.client.errors == []
    taken = {datetime.fromisoformat(made["start"]) for made, s in busy.made if s == "confirmed"}
    assert not taken & {datetime.fromisoformat(start) for start in client.starts()}
    for made in (before, again, between):
        until(partial(client.call, "GET", f"/dev/messages?to={made['client']['email']}"))
    monkeypatch.setenv("ATTUNE_DATA", str(stack.folder))
    environment_of(stack).save()
    verified = CliRunner().invoke(main, ["audit", "verify"])
    assert verified.exit_code == 0, verified.output
