"""A lost key, and a value that was tampered with, affect only what needs them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from attune_local.servers import free_port
from attune_local.stack import Process, Stack
from attune_testing.waiting import until
from common.db import encryption
from common.services import GATEWAY
from tests.personal_data import seeds
from tests.personal_data.clinic import Caller, Clinic
from tests.personal_data.conftest import Whole
from tests.world import token_of

pytestmark = pytest.mark.req("PF-7", "GW-2")


@contextmanager
def without_keys(stack: Stack, *services: str) -> Iterator[dict[str, Process]]:
    """Run one more process of each service with other keys; that of the gateway calls that of
    booking. At the end both key rings have all keys, for the processes that start next."""
    secrets, extra = stack.secrets, dict(stack.extra)
    others = {service: f"k9:{encryption.new_key()}" for service in services}
    stack.secrets = replace(secrets, encryption_keys={**secrets.encryption_keys, **others})
    ports = {service: free_port() for service in services}
    stack.extra = {**extra, "BOOKING_TARGET": f"ipv4:127.0.0.1:{ports['booking']}"}
    started = {service: stack.start_service(service, ports[service]) for service in services}
    stack.secrets, stack.extra = secrets, extra
    try:
        for process in started.values():
            stack.await_ready(process)
        yield started
    finally:
        for process in started.values():
            process.handle.terminate()
            process.handle.wait()
            stack.processes.remove(process)
        rings = {name: f"{secrets.encryption_keys[name]},{key}" for name, key in others.items()}
        stack.secrets = replace(secrets, encryption_keys={**secrets.encryption_keys, **rings})


def told(process: Process, level: str = "ERROR") -> list[dict[str, Any]]:
    """Return the lines that a process has logged at this level."""
    lines = (json.loads(line) for line in process.log.read_text().splitlines())
    return [line for line in lines if line["level"] == level]


def problem(answer: Any) -> tuple[int, str, set[str]]:
    return answer.status_code, answer.json()["reason"], set(answer.json())


def test_without_a_key_what_needs_it_fails_and_the_rest_goes_on(whole: Whole) -> None:
    stack, clinic = whole.stack, Clinic.make(whole)
    booked = clinic.book()
    key = stack.secrets.encryption_keys["booking"].partition(":")[0]
    path, link = f"/bookings/{booked['id']}", {"token": token_of(booked["manage_url"])}
    with without_keys(stack, "booking", GATEWAY) as started:
        errors = whole.places.errors
        client = Caller(f"http://127.0.0.1:{started[GATEWAY].port}", errors=errors)
        seen = client.call("GET", path, params=link)
        assert problem(seen) == (
            500,
            "KEY_MISSING",
            {"type", "title", "status", "reason", "trace_id"},
        )
        # The gateway's own keys protect who is signed in.
        staff = Caller(client.base, clinic.owner.token, errors=errors)
        assert problem(staff.call("GET", "/clients"))[:2] == (500, "KEY_MISSING")
        page = client.session.get(f"{client.base}/manage/{link['token']}", timeout=60)
        assert (page.status_code, "Something went wrong on our end" in page.text) == (500, True)

        query = {"service": "session", "mode": "telehealth"}
        assert client.get(f"/providers/{clinic.username}/slots/next", **query)["slots"]
        wanted = {name: clinic.typed()[name] for name in ("service", "mode", "start")}
        client.post(f"/providers/{clinic.username}/holds", wanted, 201)
        assert client.call("GET", path, params={"token": "x"}).status_code == 401

        name = "attune.booking.v1.BookingService/GetBooking"
        places = {line["message"] for line in told(started["booking"])}
        assert f"/{name}: bookings.typed_name:{booked['id']}: key {key!r} is not here" in places
        missing = f"values need key {key!r}, which is missing: "
        for process in started.values():
            until(process.log.read_text, lambda printed: missing in printed)
    assert clinic.public.get(path, **link)["note"] == seeds.NOTE


def test_a_value_from_another_row_is_no_garbage(whole: Whole) -> None:
    clinic = Clinic.make(whole)
    mine, theirs = clinic.book(), clinic.book(note="Zwyqfax: somebody else's")
    with whole.places.database("booking") as connection:
        own = connection.execute("SELECT note_sealed FROM bookings WHERE id = %s", [mine["id"]])
        [before] = own.fetchall()
        connection.execute(
            "UPDATE bookings SET note_sealed = (SELECT note_sealed FROM bookings WHERE id = %s)"
            " WHERE id = %s",
            [theirs["id"], mine["id"]],
        )
    swapped = clinic.owner.call("GET", f"/bookings/{mine['id']}")
    assert problem(swapped)[:2] == (500, "UNDECIPHERABLE")
    assert clinic.owner.get(f"/bookings/{theirs['id']}")["note"] == "Zwyqfax: somebody else's"
    replicas = [process for process in whole.stack.processes if process.name == "booking"]
    assert any(
        f"bookings.note:{mine['id']}: the value does not belong here" in line["message"]
        for process in replicas
        for line in told(process)
    )
    with whole.places.database("booking") as connection:
        connection.execute(
            "UPDATE bookings SET note_sealed = %s WHERE id = %s", [*before, mine["id"]]
        )


def test_a_service_with_a_malformed_ring_ends_and_names_the_variable(whole: Whole) -> None:
    stack, secrets = whole.stack, whole.stack.secrets
    ring = f"k1:{encryption.new_key()}x"
    for service in ("billing", GATEWAY):
        stack.secrets = replace(secrets, encryption_keys={**secrets.encryption_keys, service: ring})
        process = stack.start_service(service, free_port())
        stack.secrets = secrets
        stack.processes.remove(process)
        ended = threading.Timer(20, process.handle.kill)
        ended.start()
        assert process.handle.wait() not in (0, -9)
        ended.cancel()
        printed = process.log.read_text()
        assert "ENCRYPTION_KEYS: k1 is not Base64" in printed
        assert ring[3:] not in printed
