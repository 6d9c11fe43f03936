"""Each example of the API reference is sent to a running stack, and the response is as
documented."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest
import requests

from attune_local.stack import Stack
from attune_testing.builders import PASSWORD
from attune_testing.waiting import until
from gateway.openapi import examples
from tests.world import Http, World, token_of

pytestmark = pytest.mark.req("GW-1")
MONDAY = date(2026, 11, 2)  # of the examples
SERVICE = {
    "slug": examples.SERVICE,
    "title": "Therapy session",
    "duration_minutes": 50,
    "modes": ["telehealth", "in_person", "phone"],
}


@dataclass
class Prepared:
    """The real ids for an example, and its caller."""

    world: World
    ids: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""  # else the owner's
    version: int | None = None
    weeks: int = 3  # from now to the Monday of the example


def a_practice(stack: Stack, **policies: Any) -> World:
    """Return a practice that can be booked now, at any hour, for the examples' service."""
    world = World.make(stack, minimum_notice_minutes=0, **policies)
    world.owner.post("/service-types", SERVICE, status=201)
    path = f"/providers/{world.username}/hours"
    week = [{"day": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    body = {"version": world.owner.get(path)["version"], "blocks": week}
    assert world.owner.call("PUT", path, json=body).ok
    return world


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return a_practice(stack)


@pytest.fixture(scope="module")
def strict(stack: Stack) -> World:
    """A practice that approves requests and cancellations."""
    return a_practice(
        stack,
        confirmation="CONFIRMATION_APPROVAL",
        client_cancellation="CLIENT_CANCELLATION_APPROVAL",
    )


@pytest.fixture(scope="module")
def document(stack: Stack) -> Any:
    return requests.get(f"{stack.url}/api/v1/openapi.json", timeout=60).json()


def a_booking(world: World, start: str = "") -> dict[str, str]:
    """Return the ids of a new booking."""
    made = world.book(start or world.a_start(2))
    token = token_of(made["manage_url"])
    ids = {examples.CLIENT_ID: made["client"]["id"], examples.BOOKING_ID: made["id"]}
    return {**ids, "token": token}


def plain(world: World, strict: World) -> Prepared:
    return Prepared(world)


def held(world: World, strict: World) -> Prepared:
    start = world.a_start(3)
    body = {"service": "session", "mode": "telehealth", "start": start}
    headers = {"X-Visitor-Id": examples.VISITOR}
    path = f"/providers/{world.username}/holds"
    made = world.public.post(path, body, status=201, headers=headers)
    return Prepared(world, {examples.HOLD_ID: made["hold"]})


def other_week(world: World, strict: World) -> Prepared:
    return Prepared(world, weeks=4)


def booked(world: World, strict: World) -> Prepared:
    return Prepared(world, a_booking(world))


def by_link(world: World, strict: World) -> Prepared:
    ids = a_booking(world)
    return Prepared(world, ids, f"Manage {ids['token']}")


def with_room(world: World, strict: World) -> Prepared:
    prepared = booked(world, strict)
    path = f"/bookings/{prepared.ids[examples.BOOKING_ID]}/room"
    until(lambda: world.owner.call("GET", path).status_code, lambda status: status == 200)
    return prepared


def requested(world: World, strict: World) -> Prepared:
    return Prepared(strict, a_booking(strict))


def cancellation_requested(world: World, strict: World) -> Prepared:
    ids = a_booking(strict)
    path = f"/bookings/{ids[examples.BOOKING_ID]}"
    strict.owner.post(f"{path}/confirm")
    strict.public.post(f"{path}/cancel", headers={"Authorization": f"Manage {ids['token']}"})
    return Prepared(strict, ids)


def about_to_start(world: World, strict: World) -> Prepared:
    """Move a booking's start to now, because sessions start only shortly before their time."""
    prepared = booked(world, strict)
    world.come({"id": prepared.ids[examples.BOOKING_ID]})
    return prepared


def started(world: World, strict: World) -> Prepared:
    prepared = about_to_start(world, strict)
    world.owner.post(f"/bookings/{prepared.ids[examples.BOOKING_ID]}/start")
    return prepared


def begun(world: World, strict: World) -> Prepared:
    """The session has been started, which can be undone."""
    prepared = started(world, strict)
    found = world.owner.get(f"/bookings/{prepared.ids[examples.BOOKING_ID]}")
    return replace(prepared, version=found["version"])


def with_override(world: World, strict: World) -> Prepared:
    body = {"date": str(date.today() + timedelta(days=40)), "blocks": []}
    made = world.owner.post(f"/providers/{world.username}/overrides", body, status=201)
    return Prepared(world, {examples.OVERRIDE_ID: made["id"]})


def with_service_type(world: World, strict: World) -> Prepared:
    slug = f"type-{datetime.now(UTC):%H%M%S%f}"
    made = world.owner.post("/service-types", {**SERVICE, "slug": slug}, status=201)
    return Prepared(world, {examples.SERVICE_TYPE_ID: made["id"]}, version=made["version"])


def versioned(path: str) -> Callable[[World, World], Prepared]:
    def prepare(world: World, strict: World) -> Prepared:
        found = strict.owner.get(path.format(username=strict.username))
        return Prepared(strict, version=found["version"])

    return prepare


def with_feed(world: World, strict: World) -> Prepared:
    url = world.owner.get(f"/providers/{world.username}/calendar-feed")["url"]
    return Prepared(world, {examples.TOKEN: url.rpartition("/")[2].removesuffix(".ics")})


def owner_of(world: World) -> str:
    return f"owner-{world.username}@practice.example"


def with_credentials(world: World, strict: World) -> Prepared:
    return Prepared(world, {"owner@demo.example": owner_of(world)})


def signed_in_again(world: World, strict: World) -> Prepared:
    login = {"email": owner_of(world), "password": PASSWORD}
    token = world.public.post("/auth/login", login)["token"]
    found = Http(world.stack.url, token).get("/auth/sessions")["sessions"]
    (current,) = (session["id"] for session in found if session["current"])
    return Prepared(world, {examples.SESSION_ID: current}, f"Bearer {token}")


PREPARE: dict[str, Callable[[World, World], Prepared]] = {
    "get_provider": plain,
    "list_slots": plain,
    "list_next_slots": plain,
    "list_days": plain,
    "create_hold": plain,
    "release_hold": held,
    "create_booking": other_week,
    "list_bookings": booked,
    "get_booking": by_link,
    "cancel_booking": by_link,
    "confirm_booking": requested,
    "decline_booking": requested,
    "decline_cancellation": cancellation_requested,
    "update_client_from_booking": booked,
    "start_booking": about_to_start,
    "complete_booking": started,
    "reopen_session": begun,
    "get_room": with_room,
    "list_clients": booked,
    "get_client": booked,
    "change_client": booked,
    "get_hours": plain,
    "list_overrides": with_override,
    "create_override": plain,
    "delete_override": with_override,
    "list_service_types": plain,
    "create_service_type": plain,
    "change_service_type": with_service_type,
    "delete_service_type": with_service_type,
    "get_policies": plain,
    "get_provider_policies": plain,
    "get_practice": plain,
    "change_practice": plain,
    "list_physical_rooms": plain,
    "create_physical_room": plain,
    "list_billables": plain,
    "get_calendar_feed": plain,
    "rotate_calendar_feed": plain,
    "read_calendar_feed": with_feed,
    "list_failed_notices": plain,
    "resend_notice": plain,
    "login": with_credentials,
    "logout": signed_in_again,
    "list_sessions": plain,
    "revoke_session": signed_in_again,
    "list_audit": plain,
    "get_health": plain,
    "get_readiness": plain,
    "list_development_messages": plain,
    # Last, since these change what others need.
    "replace_hours": versioned("/providers/{username}/hours"),
    "replace_policies": versioned("/policies"),
    "replace_provider_policies": versioned("/providers/{username}/policies"),
}
# There is no failed notice to resend in an Attune whose emails all arrive.
STATUS = {"resend_notice": "404"}


def declared(document: Any, name: str) -> tuple[str, str, Any]:
    return next(
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["operationId"] == name
    )


def real(value: Any, prepared: Prepared) -> Any:
    """Return a value of an example with real ids, and its dates as many weeks from now."""
    today = date.today()
    shift = today - MONDAY - timedelta(days=today.weekday()) + timedelta(weeks=prepared.weeks)
    text = json.dumps(value)
    for shown, own in {examples.PROVIDER: prepared.world.username, **prepared.ids}.items():
        text = text.replace(f'"{shown}"', json.dumps(own))
    moved = re.sub(r"2026-\d\d-\d\d", lambda found: str(date.fromisoformat(found[0]) + shift), text)
    return json.loads(re.sub(r'"2026-11"', f'"{MONDAY + shift:%Y-%m}"', moved))


def send(document: Any, name: str, prepared: Prepared) -> requests.Response:
    """Make the request of an operation's example."""
    method, path, operation = declared(document, name)
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
    for one in operation["parameters"]:
        if "example" in one:
            values[one["in"]][one["name"]] = real(one["example"], prepared)
    if "Idempotency-Key" in values["header"]:
        values["header"]["Idempotency-Key"] += name  # a key of this operation's own
    body = None
    for content in operation.get("requestBody", {}).get("content", {}).values():
        (shown,) = content["examples"].values()
        body = real(resolved(document, shown), prepared)
    if body and "version" in body:
        body["version"] = prepared.version
    if operation["security"]:
        owner = f"Bearer {prepared.world.owner.token}"
        values["header"]["Authorization"] = prepared.authorization or owner
    url = prepared.world.stack.url + path.format(**values["path"])
    return requests.request(
        method, url, params=values["query"], headers=values["header"], json=body, timeout=60
    )


def resolved(document: Any, example: Any) -> Any:
    return document["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]


def test_every_operation_is_tried(document: Any) -> None:
    names = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    assert names == set(PREPARE)


@pytest.mark.parametrize("name", PREPARE)
def test_the_example_works(document: Any, world: World, strict: World, name: str) -> None:
    answer = send(document, name, PREPARE[name](world, strict))
    _, _, operation = declared(document, name)
    success = next(status for status in operation["responses"] if status.startswith("2"))
    assert str(answer.status_code) == STATUS.get(name, success), answer.text
    documented = operation["responses"][str(answer.status_code)].get("content", {})
    if not documented:
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    schema = {**documented[kind]["schema"], "components": document["components"]}
    value = answer.json() if kind.endswith("json") else answer.text
    jsonschema_rs.validate(schema, value, validate_formats=True)
