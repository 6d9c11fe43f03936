"""The target of wrong requests: a practice with a resource of every kind, and another practice."""

import http.client
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from attune_local.stack import Stack
from attune_testing.builders import ZONE
from tests.integration.bad_input.table import UNSET, Row
from tests.people import add_provider
from tests.world import World, token_of

ADDRESS = "127.0.0.7"  # of these callers alone: failed sign-ins are counted by address


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Place:
    """Two practices, and the ids and other values of their resources by name."""

    world: World
    elsewhere: World
    values: dict[str, Any]

    @property
    def practices(self) -> list[str]:
        return [self.world.practice_id, self.elsewhere.practice_id]

    @classmethod
    def make(cls, stack: Stack) -> "Place":
        """Create the practices over HTTP, as people do."""
        world = World.make(stack, maximum_advance_days=0)
        elsewhere = World.make(stack, maximum_advance_days=0)
        place = cls(world, elsewhere, {"username": world.username, "zone": ZONE})
        place._set_up()
        place._book()
        place._settle()
        return place

    def _set_up(self) -> None:
        owner, path = self.world.owner, f"/providers/{self.world.username}"
        types = {one["slug"]: one for one in owner.get("/service-types")["service_types"]}
        talk = {"slug": "talk", "title": "A talk", "duration_minutes": 50, "modes": ["phone"]}
        closed = {**talk, "slug": "closed", "active": False}
        inside = {**talk, "slug": "inside", "online": False}
        made = [owner.post("/service-types", one, 201) for one in (talk, closed, inside)]
        _, limited = add_provider(self.world)
        policies = owner.get(f"/providers/{limited}/policies")
        owner.call(
            "PUT",
            f"/providers/{limited}/policies",
            json={"version": policies["version"], "policies": {"maximum_advance_days": 10}},
        ).raise_for_status()
        day = date.today() + timedelta(days=400)
        override = owner.post(f"{path}/overrides", {"date": day.isoformat(), "blocks": []}, 201)
        self.values |= {
            "limited": limited,
            "service_type_id": types["session"]["id"],
            "talk_id": made[0]["id"],
            "room_id": owner.post("/physical-rooms", {"name": "Room"}, 201)["id"],
            "override_id": override["id"],
            "hours_version": owner.get(f"{path}/hours")["version"],
            "policies_version": owner.get("/policies")["version"],
            "own_version": owner.get(f"{path}/policies")["version"],
            "session_id": owner.get("/auth/sessions")["sessions"][0]["id"],
            "feed": token_of(owner.get(f"{path}/calendar-feed")["url"]).removesuffix(".ics"),
        }
        theirs = self.elsewhere.owner
        self.values |= {
            "their_username": self.elsewhere.username,
            "their_room": theirs.post("/physical-rooms", {"name": "Room"}, 201)["id"],
            "their_type": theirs.get("/service-types")["service_types"][0]["id"],
        }

    def _book(self) -> None:
        world = self.world
        starts = [s for s in world.slots() if s >= world.a_start()]
        standing = world.book(starts[0])
        in_person = world.book(starts[8], mode="in_person")
        gone = world.book(starts[16])
        cancelled = world.owner.post(f"/bookings/{gone['id']}/cancel")
        hold = {"service": "session", "mode": "telehealth", "start": starts[24]}
        held = world.public.post(f"/providers/{world.username}/holds", hold, 201)
        repeated = world.request(starts[40])
        self.values["key"] = key = secrets.token_hex(16)
        self._call_once(f"/providers/{world.username}/bookings", repeated, key)
        theirs = self.elsewhere.book()
        page = world.owner.get("/bookings", limit=1)
        clients = world.owner.get("/clients", limit=1)
        now = datetime.now(UTC)
        self.values |= {
            "start": starts[32],
            "taken": starts[0],
            "past": (now - timedelta(days=1)).isoformat(timespec="seconds"),
            "soon": (now + timedelta(minutes=1)).isoformat(timespec="seconds"),
            "booking_id": standing["id"],
            "token": token_of(standing["manage_url"]),
            "other_token": token_of(in_person["manage_url"]),
            "in_person": in_person["id"],
            "cancelled": cancelled["id"],
            "client_id": standing["client"]["id"],
            "hold_id": held["hold"],
            "their_booking": theirs["id"],
            "their_client": theirs["client"]["id"],
            "their_token": token_of(theirs["manage_url"]),
            "bookings_cursor": page["next"],
            "clients_cursor": clients["next"],
            "night": at(starts[32], "03:00"),
            "off_grid": at(starts[32], "10:07"),
            "seconds": at(starts[32], "10:00").replace("10:00:00", "10:00:30"),
            "far": (now + timedelta(days=30)).isoformat(timespec="seconds"),
        }
        self.values["naive"] = self.values["start"][:19]
        self.values["leap"] = re.sub(r":00([+-])", r":60\1", self.values["start"], count=1)

    def _call_once(self, path: str, body: Any, key: str) -> None:
        headers = {"Idempotency-Key": key, "X-Visitor-Id": "x" * 20}
        answer = self.world.public.call("POST", path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        self.values["reworded"] = {**body, "note": "Something else."}

    def _settle(self) -> None:
        """Wait until all notices of the bookings are sent, and all services know the bookings."""
        for world in (self.world, self.elsewhere):
            for booking in world.owner.get("/bookings")["bookings"]:
                world.messages(booking["client"]["email"])

    def filled_in(self, value: Any) -> Any:
        """Return a value of a row, with the place's values for names in angle brackets."""
        if isinstance(value, Mapping):
            return {k: self.filled_in(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled_in(one) for one in value]
        if isinstance(value, str) and value[:1] == "<" and value[-1:] == ">":
            return self.values[value[1:-1]]
        return value

    def send(self, row: Row) -> Answer:
        """Send a wrong request and return the response."""
        path = self.path(row.route.rule, self.filled_in(row.path))
        query = urlencode(self.filled_in(row.query), doseq=True)
        headers = {**self._who(row.caller), **self.filled_in(row.headers)}
        body = row.body
        if body is None and row.json is not UNSET:
            body = json.dumps(self.filled_in(row.json)).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return self.call(row.method, f"{path}?{query}" if query else path, headers, body)

    def path(self, rule: str, changes: Mapping[str, str]) -> str:
        """Return the path of a rule; its parts are values of the place unless they are changed."""

        def part(match: re.Match[str]) -> str:
            name = match[1]
            return quote(changes.get(name, self.values.get(name, "")), safe="%")

        return re.sub(r"<(?:\w+:)?(\w+)>", part, rule)

    def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request unchanged and return the response."""
        port = self.world.stack.port
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=60, source_address=(ADDRESS, 0)
        )
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _who(self, caller: str) -> dict[str, str]:
        if caller == "owner":
            return {"Authorization": f"Bearer {self.world.owner.token}"}
        if caller == "client":
            return {"Authorization": f"Manage {self.values['token']}"}
        return {}


def at(start: str, clock: str) -> str:
    """Return the same date at another time of day."""
    return f"{start[:11]}{clock}:00{start[19:]}"
