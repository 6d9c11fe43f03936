"""All keys are replaced, as docs/operations.md says, while people book, read, and get notices."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count, cycle, zip_longest
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg import sql

from attune_local.servers import free_port
from attune_local.stack import Process, Stack
from attune_operator.up import environment_of
from attune_testing.waiting import until
from common.db import encryption
from common.services import GATEWAY, SERVICES, package
from tests.personal_data import seeds
from tests.personal_data.clinic import HEADERS, Clinic
from tests.personal_data.conftest import FIRST_KEY, Whole
from tests.personal_data.seeds import Needles
from tests.world import token_of

pytestmark = [pytest.mark.req("PF-7"), pytest.mark.soak, pytest.mark.timeout(600)]
_PAUSE = 0.6  # seconds between a person's requests
_PATIENCE = 20.0  # seconds until a person gives up
_BUSY = (503, 504)  # told to come again: while half of all processes start, a machine is slow


class Traffic:
    """People who carry on through any available gateway.

    `failures` lists their errors, `booked` the bookings that they were promised.
    """

    def __init__(self, clinic: Clinic, gateways: Sequence[Process]) -> None:
        self._clinic = clinic
        self._urls = [f"http://127.0.0.1:{gateway.port}" for gateway in gateways]
        self._numbers = count()
        self._end = threading.Event()
        self.failures: list[str] = []
        self.booked: dict[str, dict[str, Any]] = {}
        self.answered = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        with ThreadPoolExecutor(3) as people:
            for work in (self._book, self._read, self._look):
                people.submit(self._repeat, work)
            try:
                yield
            finally:
                self._end.set()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._end.wait(_PAUSE):
            try:
                work()
            except Exception as error:
                self.failures.append(f"{work.__name__}: {type(error).__name__}: {error}")

    def _book(self) -> None:
        email = f"{next(self._numbers)}@{seeds.WORD}.example"
        body = self._clinic.typed()
        body["client"]["email"] = email
        path = f"/providers/{self._clinic.username}/bookings"
        key = {"Idempotency-Key": f"{seeds.KEY}-{email}"}
        made = self.ask("POST", path, 201, json=body, headers=key)
        self.booked[made["id"]] = {**made, "email": email, "token": token_of(made["manage_url"])}

    def _read(self) -> None:
        for booked in list(self.booked.values())[-3:]:
            self.show(booked)

    def _look(self) -> None:
        clients = self.ask("GET", "/clients", headers=self.staff)["clients"]
        assert {client["name"] for client in clients} <= {seeds.NAME}
        self.ask("GET", "/bookings", headers=self.staff)

    def show(self, booked: dict[str, Any]) -> None:
        """Read a booking with its manage link."""
        seen = self.ask("GET", f"/bookings/{booked['id']}", params={"token": booked["token"]})
        assert (seen["client"]["name"], seen["client"]["email"], seen["note"]) == (
            seeds.NAME,
            booked["email"],
            seeds.NOTE,
        )

    @property
    def staff(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._clinic.owner.token}"}

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Send a request as through a load balancer: skip a gateway that refuses the connection,
        and retry if the response allows it. Any other failure counts."""
        options["headers"] = {**HEADERS, "Connection": "close", **options.get("headers", {})}
        end = time.monotonic() + _PATIENCE
        for url in cycle(self._urls):
            with suppress(requests.ConnectionError):
                answer = requests.request(method, f"{url}/api/v1{path}", timeout=20, **options)
                if answer.status_code not in _BUSY or time.monotonic() > end:
                    break
            assert time.monotonic() < end, f"no gateway answers {path}"
        assert answer.status_code == status, f"{path} {answer.status_code} {answer.text}"
        self.answered += 1
        return answer.json()


def test_keys_are_replaced_while_everything_serves(whole: Whole) -> None:
    stack = whole.stack
    gateway = next(process for process in stack.processes if process.name == GATEWAY)
    second = stack.start_service(GATEWAY, free_port())
    stack.await_ready(second)
    clinic = Clinic.make(whole)
    before = _remembered(clinic)
    old = stack.secrets.encryption_keys
    new = {service: f"the-second-key:{encryption.new_key()}" for service in old}

    traffic = Traffic(clinic, [gateway, second])
    with traffic.going_on():
        until(lambda: len(traffic.booked), lambda many: many > 5)
        both = {service: f"{old[service]},{new[service]}" for service in old}
        _roll(stack, both, single=False)
        _roll(stack, {service: f"{new[service]},{old[service]}" for service in old})
        assert _attune(stack, "check").returncode == 1
        done = _attune(stack, "re-encrypt")
        assert done.returncode == 0, done.stdout + done.stderr
        checked = _attune(stack, "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        until(lambda: len(traffic.booked), lambda many: many > 20)
    assert traffic.failures == []
    assert _under(stack, FIRST_KEY) == []
    _roll(stack, new)

    assert _attune(stack, "check").stdout.count(FIRST_KEY) == 0
    assert len(traffic.booked) > 20
    for booked in traffic.booked.values():
        traffic.show(booked)
        assert clinic.world.messages(booked["email"])
    assert _remembered(clinic, before) == before
    assert whole.places.find(Needles()) == []


def _remembered(clinic: Clinic, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the data that is stored encrypted, as authorized people see it."""
    key = {"Idempotency-Key": f"{seeds.KEY}-before"}
    path = f"/providers/{clinic.username}/bookings"
    body = before["body"] if before else clinic.typed()
    booked = clinic.public.post(path, body, 201, headers=key)
    room = until(
        lambda: clinic.owner.call("GET", f"/bookings/{booked['id']}/room"),
        lambda answer: answer.status_code == 200,
    ).json()
    [first, *_] = reversed(clinic.world.messages(seeds.EMAIL))
    return {
        "body": body,
        "booked": booked,
        "room": room["join_url"],
        "feed": clinic.owner.get(f"/providers/{clinic.username}/calendar-feed")["url"],
        "browsers": [s["browser"] for s in clinic.owner.get("/auth/sessions")["sessions"]],
        "client": clinic.owner.get(f"/clients/{_client(clinic)}")["phone"],
        "message": first,
    }


def _client(clinic: Clinic) -> str:
    found = clinic.owner.get("/clients")["clients"]
    client_id: str = next(client["id"] for client in found if client["email"] == seeds.EMAIL)
    return client_id


def _roll(stack: Stack, rings: dict[str, str], *, single: bool = True) -> None:
    """Restart one replica of every service, then the others.

    Without `single`, restart only services with replicas, because nobody could write what a single
    process cannot read.
    """
    stack.secrets = replace(stack.secrets, encryption_keys=rings)
    replicas: dict[str, list[Process]] = {}
    for process in stack.processes:
        replicas.setdefault(process.name, []).append(process)
    for wave in zip_longest(*(some for some in replicas.values() if single or len(some) > 1)):
        chosen = [process for process in wave if process]
        for process in chosen:
            process.handle.terminate()
        for process in chosen:
            process.handle.wait()
        for process in [stack.restart(process) for process in chosen]:
            stack.await_ready(process)


def _attune(stack: Stack, command: str) -> "subprocess.CompletedProcess[str]":
    """Run the `attune` command as in a cluster."""
    running = environment_of(stack)
    env = {**os.environ, "NATS_URL": stack.nats_url, "BLIND_INDEX_KEY": running.blind_index_key}
    for service in (*SERVICES, GATEWAY):
        name = package(service).upper()
        env[f"{name}_DATABASE_URL"] = running.database_urls[service]
        env[f"{name}_ENCRYPTION_KEYS"] = running.encryption_keys[service]
    return subprocess.run(
        [Path(sys.executable).parent / "attune", "keys", command],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def _under(stack: Stack, key: str) -> list[str]:
    """Return all binary columns, whatever their names, with a value encrypted under this key."""
    found = []
    for service in (*SERVICES, GATEWAY):
        with psycopg.connect(f"{stack.postgres_url}/{package(service)}") as connection:
            for table, column in connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type = 'bytea'"
            ).fetchall():
                name = sql.Identifier(column)
                rows = connection.execute(
                    sql.SQL("SELECT 1 FROM {} WHERE substring({} FROM 1 FOR %s) = %s").format(
                        sql.Identifier(table), name
                    ),
                    [len(encryption.prefix(key)), encryption.prefix(key)],
                ).fetchall()
                found += [f"{service} {table}.{column}"] * bool(rows)
    return found
