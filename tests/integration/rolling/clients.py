"""Clients of two gateways, who book and look around, and report whatever fails."""

import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError

from attune_local.stack import Stack
from tests.integration.chaos import plan
from tests.integration.chaos.clients import ZONE, Answer, Clinic, Log, Write

_PAUSE = 0.3  # seconds between two requests of a client


class Balancer:
    """What is in front of the gateways: it takes turns, and goes to the other gateway when a
    connection is refused. What has been sent is never sent again."""

    def __init__(self, urls: list[str], *, reuse: bool) -> None:
        self._turns = itertools.cycle(range(len(urls)))
        self._urls = urls
        self._pool = urllib3.PoolManager(retries=False, timeout=60)
        self._headers = {} if reuse else {"Connection": "close"}

    def send(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any], str]:
        """Return the status, the content, and its text; status 0 if no response came."""
        headers = {**self._headers, **options.pop("headers", {})}
        first = next(self._turns)
        for turn in range(len(self._urls)):
            url = self._urls[(first + turn) % len(self._urls)]
            try:
                response = self._pool.request(method, f"{url}{path}", headers=headers, **options)
            except NewConnectionError:
                continue
            except HTTPError as error:
                return 0, {}, f"{type(error).__name__}: {error}"
            text = response.data.decode()
            is_json = "json" in response.headers.get("Content-Type", "")
            return response.status, json.loads(text) if is_json else {}, text
        return 0, {}, "every gateway refused the connection"


class Client(threading.Thread):
    """A client that books, searches, and reads what each service has to tell, until told to stop.

    Every response is recorded; one that is missing or is a 5xx is a failure.
    """

    def __init__(self, number: int, load: "Load") -> None:
        super().__init__(name=f"client-{number}")
        self._number = number
        self._load = load
        self._gateways = Balancer(load.urls, reuse=number % 2 == 0)

    def run(self) -> None:
        acts: list[Callable[[Clinic], None]] = [self._book, self._search, self._book, self._read]
        try:
            for count, act in enumerate(itertools.cycle(acts)):
                if self._load.over.wait(_PAUSE):
                    break
                act(self._load.clinics[count % len(self._load.clinics)])
        except Exception as error:
            self._load.log.violation(f"client {self._number} failed: {error!r}")
            raise

    def _book(self, clinic: Clinic) -> None:
        name = f"{secrets.token_hex(6)}-{self._number}"
        path = f"/providers/{clinic.username}/bookings"
        person = {"name": name, "email": f"{name}@client.example", "timezone": ZONE}
        start = self._load.next_start(clinic)
        body = {"service": "session", "mode": "telehealth", "start": start, "client": person}
        write = Write(plan.BOOK, path, body, person["email"])
        self._load.log.wanted(write)
        sent = datetime.now(UTC)
        status, content, text = self._gateways.send(
            "POST", f"/api/v1{path}", json=body, headers={"Idempotency-Key": write.key}
        )
        self._load.log.told(write, Answer(sent, datetime.now(UTC), status, content))
        self._judge("POST", path, status, text)
        if status == 201 and "join_url" not in content:
            self._load.log.violation(f"no link to the video room: {write.told()}")

    def _search(self, clinic: Clinic) -> None:
        query = {"service": "session", "mode": "telehealth", "tz": ZONE}
        path = f"/api/v1/providers/{clinic.username}/slots"
        status, _, text = self._gateways.send("GET", path, fields=query)
        self._judge("GET", path, status, text)

    def _read(self, clinic: Clinic) -> None:
        """Ask each of the services that booking goes on without."""
        headers = {"Authorization": f"Bearer {clinic.world.owner.token}"}
        feed = f"/api/v1/providers/{clinic.username}/calendar-feed"
        for path in ("/api/v1/billables", "/api/v1/notices/failed", "/api/v1/bookings", feed):
            status, _, text = self._gateways.send("GET", path, headers=headers)
            self._judge("GET", path, status, text)

    def _judge(self, method: str, path: str, status: int, text: str) -> None:
        self._load.answered(status)
        if status == 0 or status >= 500:
            now = f"{datetime.now(UTC):%H:%M:%S.%f}"
            self._load.log.violation(f"{now} {method} {path}: {status} {text[:300]}")


class Load:
    """Clients at work on some practices."""

    def __init__(self, stack: Stack, clinics: list[Clinic]) -> None:
        gateways = [process.port for process in stack.processes if process.name == "gateway"]
        self.urls = [f"http://127.0.0.1:{port}" for port in gateways]
        self.clinics = clinics
        self.log = Log()
        self.over = threading.Event()
        self.answers = 0
        self._lock = threading.Lock()
        self._starts = {clinic.username: _wanted(clinic) for clinic in clinics}

    def next_start(self, clinic: Clinic) -> str:
        """Return the start that is booked next; two clients in a row want the same."""
        with self._lock:
            return next(self._starts[clinic.username])

    def answered(self, status: int) -> None:
        """Count the responses."""
        with self._lock:
            self.answers += status != 0

    @contextmanager
    def running(self, clients: int) -> Iterator[None]:
        """Let so many clients work during the block."""
        self.over.clear()
        people = [Client(number, self) for number in range(clients)]
        for person in people:
            person.start()
        try:
            yield
        finally:
            self.over.set()
            for person in people:
                person.join()

    def go_on(self, count: int) -> None:
        """Return when so many more responses have come."""
        wanted, end = self.answers + count, time.monotonic() + 120
        while self.answers < wanted:
            assert time.monotonic() < end, "no answers any more"
            time.sleep(0.02)


def _wanted(clinic: Clinic) -> Iterator[str]:
    """Yield starts at least a session apart, each twice; then all again, which are taken."""
    apart: list[str] = []
    for start in clinic.slots:
        free = datetime.fromisoformat(apart[-1]) + clinic.length if apart else None
        if free is None or datetime.fromisoformat(start) >= free:
            apart.append(start)
    for start in itertools.cycle(apart):
        yield from (start, start)
