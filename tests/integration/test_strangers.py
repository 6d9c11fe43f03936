"""Every route of the gateway for every kind of caller: one table, tested in full over HTTP."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests

from attune_local.stack import Stack
from attune_testing.builders import PASSWORD
from attune_testing.waiting import until
from tests.people import CALLERS, STAFF, People, routes, sign_in
from tests.world import Http

pytestmark = pytest.mark.req("GW-13", "GW-12", "CL-3")

# Who gets what. `client` holds the manage link of the booking that the call is about, `other` that
# of another booking of the practice; `clinic.` is its provider, `colleag.` another one; `foreign`
# owns another practice; `stolen` presents a token that opens nothing.
#
# The third column is what the call is about, made anew for each call that may change it; the
# fourth the status of success. `ok`: done; what is read shows the thing. `none`: answered with
# success, but the thing is neither shown nor changed. `in`: sent to the sign-in page. `home`: to
# the console. A number: refused with this status, its one reason, and nothing changed.
TABLE = """
# The public API
GET    /api/v1/providers/<username>               profile   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/v1/providers/<username>/slots         provider  200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/v1/providers/<username>/slots/next    provider  200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/v1/providers/<username>/days          provider  200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /api/v1/providers/<username>/holds         start     201 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
DELETE /api/v1/providers/<username>/holds/<uuid:hold_id> \
                                                  hold      204 none none none none none none none none none none
POST   /api/v1/providers/<username>/bookings      start     201 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# Bookings
GET    /api/v1/bookings                           requested 200 401  401  401  ok   none none ok   ok   none 401
GET    /api/v1/bookings/<uuid:booking_id>         requested 200 401  ok   404  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/cancel  confirmed 200 401  ok   404  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/confirm requested 200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/decline requested 200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/decline-cancellation \
                                                  asked     200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/start   come      200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/complete \
                                                  come      200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/reopen  begun     200 401  401  401  ok   404  404  ok   ok   404  401
POST   /api/v1/bookings/<uuid:booking_id>/update-client \
                                                  differs   200 401  401  401  403  403  403  ok   ok   404  401
GET    /api/v1/bookings/<uuid:booking_id>/room    room      200 401  ok   404  ok   404  403  ok   ok   404  401

# Clients, money, notices, audit
GET    /api/v1/clients                            client    200 401  401  401  ok   none none ok   ok   none 401
GET    /api/v1/clients/<uuid:client_id>           client    200 401  401  401  ok   404  404  ok   ok   404  401
PATCH  /api/v1/clients/<uuid:client_id>           client    200 401  401  401  403  403  403  ok   ok   404  401
GET    /api/v1/billables                          billable  200 401  401  401  ok   none 403  ok   ok   none 401
GET    /api/v1/notices/failed                     notice    200 401  401  401  403  403  403  ok   ok   none 401
POST   /api/v1/notices/<uuid:notice_id>/resend    notice    200 401  401  401  403  403  403  ok   ok   404  401
GET    /api/v1/audit                              audited   200 401  401  401  403  403  403  403  ok   none 401

# Set-up
GET    /api/v1/practice                           practice  200 401  401  401  ok   ok   ok   ok   ok   none 401
PATCH  /api/v1/practice                           practice  200 401  401  401  403  403  403  ok   ok   none 401
GET    /api/v1/policies                           policies  200 401  401  401  ok   ok   ok   ok   ok   none 401
PUT    /api/v1/policies                           policies  200 401  401  401  403  403  403  ok   ok   none 401
GET    /api/v1/physical-rooms                     places    200 401  401  401  ok   ok   ok   ok   ok   none 401
POST   /api/v1/physical-rooms                     places    201 401  401  401  403  403  403  ok   ok   none 401
GET    /api/v1/service-types                      types     200 401  401  401  ok   ok   ok   ok   ok   none 401
POST   /api/v1/service-types                      types     201 401  401  401  403  403  403  ok   ok   none 401
PATCH  /api/v1/service-types/<uuid:service_type_id> \
                                                  type      200 401  401  401  403  403  403  ok   ok   404  401
DELETE /api/v1/service-types/<uuid:service_type_id> \
                                                  type      204 401  401  401  403  403  403  ok   ok   404  401
GET    /api/v1/providers/<username>/hours         hours     200 401  401  401  ok   ok   ok   ok   ok   404  401
PUT    /api/v1/providers/<username>/hours         hours     200 401  401  401  ok   403  403  ok   ok   404  401
GET    /api/v1/providers/<username>/overrides     override  200 401  401  401  ok   ok   ok   ok   ok   404  401
POST   /api/v1/providers/<username>/overrides     override  201 401  401  401  ok   403  403  ok   ok   404  401
DELETE /api/v1/providers/<username>/overrides/<uuid:override_id> \
                                                  override  204 401  401  401  ok   403  403  ok   ok   404  401
GET    /api/v1/providers/<username>/policies      own       200 401  401  401  ok   ok   ok   ok   ok   404  401
PUT    /api/v1/providers/<username>/policies      own       200 401  401  401  ok   403  403  ok   ok   404  401
GET    /api/v1/providers/<username>/calendar-feed feed      200 401  401  401  ok   404  403  ok   ok   404  401
POST   /api/v1/providers/<username>/calendar-feed/rotate \
                                                  feed      200 401  401  401  ok   404  403  ok   ok   404  401

# Sign-in
POST   /api/v1/auth/login                         -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /api/v1/auth/logout                        login     204 401  401  401  ok   ok   ok   ok   ok   ok   401
GET    /api/v1/auth/sessions                      session   200 401  401  401  none none none none ok   none 401
DELETE /api/v1/auth/sessions/<uuid:session_id>    session   204 401  401  401  404  404  404  404  ok   404  401

# What has no owner, or shows itself to whoever has its address
GET    /calendar/<token>.ics                      reader    200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /healthz                                   -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /readyz                                    -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/docs                                  -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/docs/<path:filename>                  document  200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/v1/openapi.json                       -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /static/<path:filename>                    file      200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /api/v1/dev/messages                       message   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /dev/mailbox                               message   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /dev/mailbox/<message_id>                  message   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /dev/mailbox/<message_id>/<int:number>     message   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# Pages
GET    /                                          -         200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /book/<username>                           profile   200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /book/<username>                           start     303 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /book/<username>/zone                      provider  200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /book/<username>/mine                      provider  303 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /book/<username>/hold                      start     303 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /book/<username>/release                   hold      204 none none none none none none none none none none
GET    /manage/<token>                            confirmed 200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /manage/<token>/appointment.ics            confirmed 200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /manage/<token>/cancel                     confirmed 200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
POST   /manage/<token>/cancel                     confirmed 303 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /join/<token>                              link      200 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /signin                                    -         200 ok   ok   ok   home home home home home home ok
POST   /signin                                    -         303 home home home home home home home home home home
POST   /signout                                   login     303 ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
GET    /console                                   requested 200 in   in   in   ok   none none ok   ok   none in
GET    /console/bookings                          requested 200 in   in   in   ok   none none ok   ok   none in
GET    /console/bookings/<booking_id>             requested 200 in   in   in   ok   404  404  ok   ok   404  in
GET    /console/bookings/<booking_id>/cancel      confirmed 200 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/cancel      confirmed 303 in   in   in   ok   404  404  ok   ok   404  in
GET    /console/bookings/<booking_id>/decline     requested 200 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/decline     requested 303 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/confirm     requested 303 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/start       come      303 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/complete    come      303 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/reopen      begun     303 in   in   in   ok   404  404  ok   ok   404  in
POST   /console/bookings/<booking_id>/decline-cancellation \
                                                  asked     303 in   in   in   ok   404  404  ok   ok   404  in
GET    /console/practice                          practice  200 in   in   in   403  403  403  ok   ok   none in
POST   /console/practice                          practice  303 in   in   in   403  403  403  ok   ok   none in
POST   /console/bookings/<booking_id>/update-client \
                                                  differs   303 in   in   in   403  403  403  ok   ok   404  in
"""  # noqa: E501  # a table

_REASONS = {"401": "UNAUTHENTICATED", "403": "NOT_ALLOWED", "404": "NOT_FOUND"}
_MISSING = {
    **dict.fromkeys(("hours", "own", "override", "feed"), "PROVIDER_NOT_FOUND"),
    "room": "ROOM_NOT_FOUND",
    "type": "SERVICE_TYPE_NOT_FOUND",
}
_DONE = ("ok", "home")


@dataclass(frozen=True)
class Row:
    """One route, and the outcome for each kind of caller."""

    method: str
    rule: str
    about: str
    status: int
    cells: dict[str, str]

    @property
    def is_page(self) -> bool:
        return not self.rule.startswith(("/api/", "/calendar/", "/healthz", "/readyz"))

    @property
    def expected(self) -> dict[str, str]:
        return {caller: self._expected(cell) for caller, cell in self.cells.items()}

    def _expected(self, cell: str) -> str:
        if self.is_page or not cell.isdigit():
            return cell
        named = _MISSING.get(self.about) if cell == "404" else None
        return f"{cell} {named or _REASONS[cell]}"


def _rows() -> Iterator[Row]:
    for line in TABLE.replace("\\\n", "").splitlines():
        if not line or line.startswith("#"):
            continue
        method, rule, about, status, *cells = line.split()
        paired = dict(zip(CALLERS, cells, strict=True))
        yield Row(method, rule, about, int(status), paired)


ROWS = list(_rows())


@dataclass
class Thing:
    """The subject of a call: the parameters of its path, the texts that reveal it in a response,
    the token of its manage link, the query, how its owner sees it, and the token of a session that
    calls."""

    path: dict[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    link: str = ""
    query: dict[str, str] = field(default_factory=dict)
    look: Callable[[], Any] = str
    session: str = ""


class Scene:
    """A practice that can create every subject of a call."""

    def __init__(self, people: People, database_url: str) -> None:
        self.people = people
        self.world = people.world
        self._notices = database_url
        self._shared: dict[str, Thing] = {}
        self._forms: dict[str, str] = {}

    def shared(self, about: str) -> Thing:
        """Return the subject that all reading calls share."""
        if about not in self._shared:
            self._shared[about] = self.make(about, "")
        return self._shared[about]

    def make(self, about: str, caller: str) -> Thing:
        """Create a new subject for a call by this caller."""
        if about in ("login",):
            return self._login(caller)
        made: Thing = getattr(self, f"_{about}")() if about != "-" else Thing()
        return made

    @property
    def _owner(self) -> Http:
        return self.world.owner

    @property
    def _of_provider(self) -> dict[str, str]:
        return {"username": self.world.username}

    def _at(self, path: str, *marks: str, **more: str) -> Thing:
        """Return a subject that the owner sees at a path of the API."""
        return Thing(self._of_provider | more, marks, look=lambda: self._owner.get(path))

    # Of a provider

    def _provider(self) -> Thing:
        return Thing(self._of_provider)

    def _profile(self) -> Thing:
        return Thing(self._of_provider, ("Pat Provider",))

    def _start(self) -> Thing:
        return Thing(self._of_provider | {"start": self.people.start()})

    def _hold(self) -> Thing:
        path = f"/providers/{self.world.username}/holds"
        wanted = {"service": "session", "mode": "telehealth", "start": self.people.start()}
        held = self.world.public.post(path, wanted, status=201)["hold"]
        others = Http(self.world.stack.url)

        def look() -> Any:
            return others.post(path, wanted, status=409)["reason"]

        return Thing(self._of_provider | {"hold_id": held}, look=look)

    def _hours(self) -> Thing:
        return self._at(f"/providers/{self.world.username}/hours", '"day":6')

    def _own(self) -> Thing:
        return self._at(f"/providers/{self.world.username}/policies", '"effective"')

    def _override(self) -> Thing:
        """Create an override on a date of its own, because a second one on a date replaces the
        first."""
        path = f"/providers/{self.world.username}/overrides"
        self._days = getattr(self, "_days", 200) + 2
        body = {"date": (date.today() + timedelta(days=self._days)).isoformat(), "blocks": []}
        made = self._owner.post(path, body, status=201)["id"]
        return self._at(path, made, override_id=made)

    def _feed(self) -> Thing:
        path = f"/providers/{self.world.username}/calendar-feed"
        return self._at(path, self._owner.get(path)["url"])

    # Of the practice

    def _practice(self) -> Thing:
        return self._at("/practice", self._owner.get("/practice")["name"])

    def _policies(self) -> Thing:
        return self._at("/policies", '"maximum_advance_days":60')

    def _places(self) -> Thing:
        body = {"name": f"Room {secrets.token_hex(4)}"}
        made = self._owner.post("/physical-rooms", body, status=201)
        return self._at("/physical-rooms", made["id"])

    def _types(self) -> Thing:
        return self._at("/service-types", self._new_type()["id"])

    def _type(self) -> Thing:
        made = self._new_type()
        return self._at("/service-types", made["id"], service_type_id=made["id"])

    def _new_type(self) -> Any:
        return self._owner.post("/service-types", new_type(), status=201)

    # Bookings, and what follows from them

    def _requested(self) -> Thing:
        return self._shown(self.people.book())

    def _confirmed(self) -> Thing:
        return self._shown(self._confirm(self.people.book()))

    def _differs(self) -> Thing:
        """Book under another name than the practice has on record."""
        first = self.people.book()
        email, zone = first["client"]["email"], first["client"]["timezone"]
        return self._shown(
            self.people.book(client={"name": "Née Other", "email": email, "timezone": zone})
        )

    def _come(self) -> Thing:
        """Book, and move the booking's start to now."""
        booking = self._confirm(self.people.book())
        self.world.come(booking)
        return self._shown(booking)

    def _begun(self) -> Thing:
        """A booking whose session has been started by mistake."""
        booking = self._confirm(self.people.book())
        self.world.come(booking)
        self._owner.post(f"/bookings/{booking['id']}/start")
        return self._shown(booking)

    def _asked(self) -> Thing:
        """Book, and request a cancellation as the client."""
        booking = self._confirm(self.people.book())
        token = {"token": booking["token"]}
        asked = self.world.public.post(f"/bookings/{booking['id']}/cancel", params=token)
        assert asked["cancellation_requested"]
        return self._shown(booking)

    def _room(self) -> Thing:
        """Return a booking with a room; a response that shows the room contains the caller's own
        link."""
        thing = self._confirmed()
        thing.marks = ("/join/",)
        return thing

    def _link(self) -> Thing:
        booking = self._confirm(self.people.book())
        room = self._owner.get(f"/bookings/{booking['id']}/room")
        return Thing({"token": room["join_url"].rpartition("/")[2]}, ("Your video session",))

    def _client(self) -> Thing:
        booking = self.people.book()
        client = booking["client"]
        made = self._owner.get(f"/bookings/{booking['id']}")["client"]["id"]
        marks = made, client["name"], client["email"]
        return self._at(f"/clients/{made}", *marks, client_id=made)

    def _billable(self) -> Thing:
        booking = self._confirm(self.people.book())
        self.world.come(booking)
        self._owner.post(f"/bookings/{booking['id']}/complete")
        until(
            lambda: self._owner.get("/billables")["billables"],
            lambda found: booking["id"] in {one["booking"] for one in found},
        )
        return Thing(marks=(booking["id"],))

    def _notice(self) -> Thing:
        """Return a notice that has failed after its last attempt."""
        booking = self.people.book()
        # The email is there a moment before its notice is settled.
        [[notice]] = until(lambda: self._fail_notice(booking["id"]))
        return self._at("/notices/failed", str(notice), notice_id=str(notice))

    def _fail_notice(self, booking_id: str) -> list[tuple[UUID]]:
        with psycopg.connect(self._notices) as database:
            return database.execute(
                "UPDATE notices SET state = 'failed', error = 'SMTP 550'"
                " WHERE booking_id = %s AND recipient = 'client' AND state = 'sent' RETURNING id",
                [booking_id],
            ).fetchall()

    def _audited(self) -> Thing:
        """Return a booking that somebody has read."""
        booking = self.people.book()
        self._owner.get(f"/bookings/{booking['id']}")
        return Thing(marks=(booking["id"],), query={"thing": f"booking:{booking['id']}"})

    def _message(self) -> Thing:
        booking = self._confirm(self.people.book())
        address = booking["client"]["email"]
        message = self.world.messages(address, 2)[0]
        return Thing(
            {"message_id": message["id"], "number": "0"},
            (address, "BEGIN:VCALENDAR"),
            query={"to": address},
        )

    def _reader(self) -> Thing:
        """Return a provider's feed, by the token of its private address."""
        booking = self._confirm(self.people.book())
        url = self._owner.get(f"/providers/{self.world.username}/calendar-feed")["url"]
        return Thing({"token": url.rpartition("/")[2].removesuffix(".ics")}, (booking["id"],))

    def _confirm(self, booking: dict[str, Any]) -> dict[str, Any]:
        self._owner.post(f"/bookings/{booking['id']}/confirm")
        return booking

    def _shown(self, booking: dict[str, Any]) -> Thing:
        return Thing(
            {"booking_id": booking["id"], "token": booking["token"]},
            (booking["id"], booking["client"]["name"], booking["token"]),
            booking["token"],
            look=lambda: self._owner.get(f"/bookings/{booking['id']}"),
        )

    # Sessions

    def _session(self) -> Thing:
        """Create one more session of the owner."""
        token = sign_in(self.world, self.people.emails["owner"])
        session = Http(self.world.stack.url, token)
        here = next(s["id"] for s in session.get("/auth/sessions")["sessions"] if s["current"])
        return Thing(
            {"session_id": here},
            (here,),
            look=lambda: session.call("GET", "/auth/sessions").status_code,
        )

    def _login(self, caller: str) -> Thing:
        """Create a session of the caller, which the call may end."""
        if caller not in STAFF:
            return Thing()
        token = sign_in(self.world, self.people.emails[caller])
        session = Http(self.world.stack.url, token)
        return Thing(look=lambda: session.call("GET", "/auth/sessions").status_code, session=token)

    # Files

    def _document(self) -> Thing:
        return Thing({"filename": "docs.css"})

    def _file(self) -> Thing:
        return Thing({"filename": "attune.css"})

    @cached_property
    def other_link(self) -> str:
        """Return the manage link of a booking that no call is about."""
        token: str = self.people.book()["token"]
        return token

    # Calling

    def call(self, row: Row, caller: str, thing: Thing) -> requests.Response:
        """Call a route as this caller, with a valid body."""
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: thing.path[m[1]], row.rule)
        browser, headers = requests.Session(), {}
        token = thing.session or self.people.tokens.get(caller, "")
        if token and row.is_page:
            browser.cookies.set("attune_session", token)
        elif token:
            headers["Authorization"] = f"Bearer {token}"
        elif caller in ("client", "other"):
            link = thing.link if caller == "client" and thing.link else self.other_link
            headers["Authorization"] = f"Manage {link}"
        options: dict[str, Any] = {"params": QUERIES.get(row.rule, thing.query)}
        if row.method not in ("GET", "DELETE"):
            made = BODIES.get((row.method, row.rule), _nothing)
            body = made(self, caller, thing)
            if row.is_page:
                body |= {"csrf_token": self._csrf(browser, headers)}
            options["data" if row.is_page else "json"] = body
        return browser.request(
            row.method,
            f"{self.world.stack.url}{path}",
            headers=headers,
            timeout=60,
            allow_redirects=False,
            **options,
        )

    def _csrf(self, browser: requests.Session, headers: dict[str, str]) -> str:
        """Return the form token of a page that this browser sees; it stays the same for a
        session."""
        session = browser.cookies.get("attune_session") or ""
        if session not in self._forms:
            page = browser.get(f"{self.world.stack.url}/console", headers=headers, timeout=60)
            found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
            assert found, page.text
            self._forms[session] = found[1]
        return self._forms[session] if session else self._forms.pop(session)


def new_type() -> dict[str, Any]:
    """Return a service type that nobody can book."""
    slug = f"t-{secrets.token_hex(4)}"
    modes = ["phone"]
    return {
        "slug": slug, "title": "A type", "duration_minutes": 30, "modes": modes, "active": False
    }  # fmt: skip


def _at_home(scene: Scene, caller: str) -> Http:
    """Return the API as the owner of the caller's practice."""
    return scene.people.as_("foreign") if caller == "foreign" else scene.world.owner


def _practice_form(scene: Scene, caller: str, _: Thing) -> Any:
    name = _at_home(scene, caller).get("/practice")["name"]
    return {"name": name, "address": f"{secrets.token_hex(4)} Elm Street"}


def _new_policies(scene: Scene, caller: str, _: Thing) -> Any:
    found = _at_home(scene, caller).get("/policies")
    return {"version": found["version"], "policies": found["policies"]}


def _new_own_policies(scene: Scene, _caller: str, _: Thing) -> Any:
    found = scene.world.owner.get(f"/providers/{scene.world.username}/policies")
    return {"version": found["version"], "policies": found["policies"]}


def _new_hours(scene: Scene, _caller: str, _: Thing) -> Any:
    found = scene.world.owner.get(f"/providers/{scene.world.username}/hours")
    week = [{"day": day, "start": "09:00", "end": "17:00"} for day in range(7)]
    return {"version": found["version"], "blocks": week}


def _new_override(scene: Scene, _caller: str, thing: Thing) -> Any:
    return {"date": (date.today() + timedelta(days=scene._days + 1)).isoformat(), "blocks": []}


def _type_change(scene: Scene, _caller: str, thing: Thing) -> Any:
    return {"version": 1, "title": "Another title"}


def _credentials(scene: Scene, caller: str, _: Thing) -> Any:
    email = scene.people.emails.get(caller, scene.people.emails["owner"])
    return {"email": email, "password": PASSWORD}


def _wanted(_scene: Scene, _caller: str, thing: Thing) -> Any:
    return {"service": "session", "mode": "telehealth", "start": thing.path["start"]}


def _new_booking(scene: Scene, _caller: str, thing: Thing) -> Any:
    return scene.world.request(thing.path["start"])


def _booking_form(scene: Scene, _caller: str, thing: Thing) -> Any:
    start = datetime.fromisoformat(thing.path["start"]).astimezone(UTC)
    who = secrets.token_hex(4)
    return {
        "service": "session",
        "mode": "telehealth",
        "tz": "Europe/Berlin",
        "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key": secrets.token_urlsafe(24),
        "name": f"Client {who}",
        "email": f"{who}@client.example",
    }


def _present_version(scene: Scene, _caller: str, thing: Thing) -> Any:
    """As the owner sees it: others are refused for who they are."""
    return {"version": scene.world.owner.get(f"/bookings/{thing.path['booking_id']}")["version"]}


def _nothing(_scene: Scene, _caller: str, _: Thing) -> Any:
    return {}


Body = Callable[[Scene, str, Thing], Any]
BODIES: dict[tuple[str, str], Body] = {
    ("POST", "/api/v1/bookings/<uuid:booking_id>/reopen"): _present_version,
    ("POST", "/console/bookings/<booking_id>/reopen"): _present_version,
    ("POST", "/api/v1/auth/login"): _credentials,
    ("POST", "/signin"): _credentials,
    ("POST", "/api/v1/providers/<username>/holds"): _wanted,
    ("POST", "/api/v1/providers/<username>/bookings"): _new_booking,
    ("POST", "/book/<username>"): _booking_form,
    ("POST", "/book/<username>/hold"): _booking_form,
    ("POST", "/book/<username>/release"): lambda _, __, thing: {"hold": thing.path["hold_id"]},
    ("POST", "/console/bookings/<booking_id>/cancel"): lambda *_: {"reason": "2", "tell": "yes"},
    ("PATCH", "/api/v1/clients/<uuid:client_id>"): lambda *_: {"billing_type": "insurance"},
    ("PATCH", "/api/v1/practice"): lambda *_: {"address": f"{secrets.token_hex(4)} Elm Street"},
    ("POST", "/console/practice"): _practice_form,
    ("PUT", "/api/v1/policies"): _new_policies,
    ("PUT", "/api/v1/providers/<username>/policies"): _new_own_policies,
    ("PUT", "/api/v1/providers/<username>/hours"): _new_hours,
    ("POST", "/api/v1/providers/<username>/overrides"): _new_override,
    ("POST", "/api/v1/physical-rooms"): lambda *_: {"name": f"Room {secrets.token_hex(4)}"},
    ("POST", "/api/v1/service-types"): lambda *_: new_type(),
    ("PATCH", "/api/v1/service-types/<uuid:service_type_id>"): _type_change,
}
_SOUGHT = {"service": "session", "mode": "telehealth"}
QUERIES: dict[str, dict[str, Any]] = {
    "/api/v1/providers/<username>/slots": _SOUGHT,
    "/api/v1/providers/<username>/slots/next": _SOUGHT,
    "/api/v1/providers/<username>/days": _SOUGHT,
    "/api/v1/bookings": {"limit": 200},
    "/api/v1/clients": {"limit": 200},
}


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    people = People.make(
        stack,
        confirmation="CONFIRMATION_APPROVAL",
        client_cancellation="CLIENT_CANCELLATION_APPROVAL",
        late_cancellation_minutes=0,
    )
    return Scene(people, f"{stack.postgres_url}/notifications")


def judge(row: Row, answer: requests.Response, thing: Thing) -> str:
    """Return the outcome of a call, in the words of the table."""
    assert is_protected(row, answer)
    where = answer.headers.get("Location", "")
    shown = any(mark in answer.text for mark in thing.marks)
    if row.is_page and answer.is_redirect:
        if where.startswith("/signin"):
            return "ok" if row.rule == "/signout" else "in"
        if where == "/console":
            return "home"
    if answer.status_code == row.status:
        return "none" if row.method == "GET" and thing.marks and not shown else "ok"
    if row.is_page:
        return f"{answer.status_code}{' shown' * shown}"
    return f"{answer.status_code} {answer.json()['reason']}{' shown' * shown}"


# Answers that anybody's cache may keep.
_PUBLIC = {
    "/api/v1/providers/<username>",
    "/api/v1/providers/<username>/slots",
    "/api/v1/providers/<username>/slots/next",
    "/api/v1/providers/<username>/days",
    "/api/docs/<path:filename>",
    "/static/<path:filename>",
    "/api/docs",
    "/api/v1/openapi.json",
}
_WITH_STYLES_OF_ITS_OWN = "/dev/mailbox/<message_id>"  # a letter, in a frame that runs nothing


def is_protected(row: Row, answer: requests.Response) -> bool:
    """Check that a response cannot be framed or sniffed, runs only our own scripts, does not leak
    an address that opens something, and is not cached if it is personal."""
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    if row.rule != _WITH_STYLES_OF_ITS_OWN:
        assert "unsafe" not in policy
    assert "script-src 'self';" in policy or "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    opens = "<token>" in row.rule
    assert headers["Referrer-Policy"] == ("no-referrer" if opens else "same-origin")
    kept = headers["Cache-Control"]
    assert row.rule in _PUBLIC or kept == "no-store"
    return True


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.rule}")
def test_every_caller_gets_what_the_table_says(scene: Scene, row: Row) -> None:
    reads = row.method == "GET"
    thing = scene.shared(row.about) if reads else scene.make(row.about, "anonymous")
    before, became = thing.look(), {}
    allowed = [caller for caller in CALLERS if row.cells[caller] in ("ok", "home")]
    for caller in CALLERS:
        if reads or caller not in allowed:
            became[caller] = judge(row, scene.call(row, caller, thing), thing)
    if not reads:  # as the next line shows
        became = {caller: "none" if said == "ok" else said for caller, said in became.items()}
    assert thing.look() == before, "somebody changed it who may not"
    for caller in () if reads else allowed:
        if caller != allowed[0] or row.about == "login":
            thing = scene.make(row.about, caller)
            before = thing.look()
        became[caller] = judge(row, scene.call(row, caller, thing), thing)
        assert not before or thing.look() != before, f"{caller} changed nothing"
    assert {caller: became[caller] for caller in CALLERS} == row.expected


def test_no_route_is_without_a_row(stack: Stack) -> None:
    assert {(row.method, row.rule) for row in ROWS} == set(routes(stack))


def test_of_another_practice_everything_is_not_found() -> None:
    """Not even the existence of a resource is revealed."""
    assert {row.cells["foreign"] for row in ROWS} <= {"ok", "none", "404", "home", "in"}
    about_one = [row for row in ROWS if "<uuid:" in row.rule or "<booking_id>" in row.rule]
    assert {row.cells["foreign"] for row in about_one if "holds" not in row.rule} == {"404"}
