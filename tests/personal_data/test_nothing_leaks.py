"""All fields are filled in, everything that can fail fails, and then all places are searched."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from attune_testing.waiting import until
from common.messaging import dead_letters
from common.messaging.nats import DEAD_STREAM, Bus
from common.services import GATEWAY
from tests.mailserver import MailServer
from tests.personal_data import seeds, wrong
from tests.personal_data.clinic import Caller, Clinic
from tests.personal_data.conftest import Whole
from tests.personal_data.seeds import Needles
from tests.world import token_of

pytestmark = [pytest.mark.req("PF-3", "PF-7", "GW-2"), pytest.mark.timeout(300)]


class Quoting(MailServer):
    """A mail server that quotes addresses in its temporary refusals, as real ones do."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self.asked = True
        return f"450 4.2.1 <{address}>: {seeds.NAME} has too much mail"

    asked = False


@pytest.fixture(scope="module")
def needles() -> Needles:
    """The needles, which grow with the tokens that are issued."""
    return Needles()


@contextmanager
def refusing(whole: Whole, service: str, table: str, rule: str = "false") -> Iterator[None]:
    """Refuse new rows that break the rule during the block; PostgreSQL then quotes the whole
    row."""
    with whole.places.database(service) as connection:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT never CHECK ({rule}) NOT VALID")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT never")


def test_nothing_personal_is_found_anywhere(whole: Whole, needles: Needles) -> None:
    stack, places = whole.stack, whole.places
    needles.tokens += _secrets(stack.secrets)
    instant, poisoned = Clinic.make(whole), Clinic.make(whole)
    approving = Clinic.make(whole, confirmation="CONFIRMATION_APPROVAL")
    rule = f"practice_id <> '{poisoned.world.practice_id}'"
    with refusing(whole, "telehealth-rooms", "rooms", rule):
        lost = poisoned.book()
        _book_and_change(instant, approving, needles)
        _use_the_pages(instant, approving, needles)
        _fail_inside(instant)
        _ask_wrongly(instant)
        _mail_badly(instant)
        _until_dead(whole, lost["id"])
    _let_everything_arrive(whole)

    _every_place_is_searched(whole, lost)
    assert places.find(needles) == []


def _book_and_change(instant: Clinic, approving: Clinic, needles: Needles) -> None:
    """Book and change bookings through the API, as clients and staff do."""
    wanted = {name: instant.typed()[name] for name in ("service", "mode", "start")}
    hold = instant.public.post(f"/providers/{instant.username}/holds", wanted, 201)
    booked = instant.book(start=wanted["start"], hold=hold["hold"])
    link = token_of(booked["manage_url"])
    asked = Caller(instant.public.base, errors=instant.public.errors)
    assert asked.get(f"/bookings/{booked['id']}", token=link)["note"] == seeds.NOTE
    joined = until(
        lambda: instant.owner.call("GET", f"/bookings/{booked['id']}/room"),
        lambda answer: answer.status_code == 200,
    )
    needles.tokens += [link, token_of(joined.json()["join_url"]), instant.owner.token]
    path, cancelling = f"/bookings/{booked['id']}/cancel", {"reason_text": seeds.CANCELLING}
    asked.post(f"{path}?token={link}", cancelling)
    asked.post(f"{path}?token={link}", cancelling, 422)

    for action, body in (
        ("decline", {"reason_text": seeds.DECLINING}),
        ("cancel", {"reason_text": seeds.CANCELLING, "reason": "other"}),
        ("confirm", {}),
    ):
        approving.owner.post(f"/bookings/{approving.book()['id']}/{action}", body)
    kept = instant.book()
    instant.world.come(kept)
    instant.owner.post(f"/bookings/{kept['id']}/complete")
    taken = instant.public.call(
        "POST", f"/providers/{instant.username}/bookings", json=instant.typed(start=kept["start"])
    )
    assert taken.status_code == 409
    _reuse_a_key(instant)

    [client] = instant.owner.get("/clients")["clients"]
    assert (client["name"], client["email"]) == (seeds.NAME, seeds.EMAIL)
    instant.owner.get(f"/clients/{client['id']}")
    feed = instant.owner.get(f"/providers/{instant.username}/calendar-feed")["url"]
    calendar = requests.get(feed, timeout=60)
    assert calendar.status_code == 200
    needles.tokens.append(feed.rpartition("/")[2].removesuffix(".ics"))
    assert instant.owner.get("/auth/sessions")["sessions"][0]["browser"] == seeds.BROWSER


def _reuse_a_key(instant: Clinic) -> None:
    headers = {"Idempotency-Key": f"{seeds.KEY}-twice"}
    path, body = f"/providers/{instant.username}/bookings", instant.typed()
    assert instant.public.post(path, body, 201, headers=headers) == instant.public.post(
        path, body, 201, headers=headers
    )
    instant.public.post(path, {**body, "note": seeds.CANCELLING}, 409, headers=headers)


def _use_the_pages(instant: Clinic, approving: Clinic, needles: Needles) -> None:
    """Use the pages as people do, without JavaScript."""
    client, staff = instant.browser(), instant.browser()
    form = {**instant.typed(), **instant.typed()["client"], "tz": "Europe/Berlin"}
    fields = ("service", "mode", "name", "email", "phone", "note", "tz")
    typed = {name: form[name] for name in fields}
    page = client.send(f"/book/{instant.username}", **typed, start=form["start"])
    assert page.status_code == 200
    assert seeds.NOTE in page.text
    link = re.search(r"/manage/([\w-]+)", page.url)
    assert link, page.url
    needles.tokens.append(link[1])
    wrongly = {**typed, "email": f"{seeds.WORD}@", "phone": seeds.WORD}
    start = instant.typed()["start"]
    assert client.send(f"/book/{instant.username}", **wrongly, start=start).status_code == 400
    for path in ("", "/appointment.ics", "/cancel"):
        assert client.get(f"/manage/{link[1]}{path}").status_code == 200
    assert client.send(f"/manage/{link[1]}/cancel", reason=seeds.CANCELLING).status_code == 200
    assert client.get(f"/manage/{seeds.WORD}").status_code == 404
    assert client.get(f"/join/{seeds.WORD}").status_code in (200, 404)
    assert client.get(f"/{seeds.WORD}").status_code == 404

    for email, password in (
        (instant.email, f"{seeds.PASSWORD}, wrong"),
        (seeds.EMAIL, seeds.PASSWORD),
        (seeds.NAME, seeds.PASSWORD),
    ):
        assert staff.send("/signin", email=email, password=password).status_code == 401
        wrongly = {"email": email, "password": password}
        assert instant.public.call("POST", "/auth/login", json=wrongly).status_code in (400, 401)
    staff.send("/signin", email=approving.email, password=seeds.PASSWORD)
    needles.tokens += [str(c.value) for c in staff.session.cookies if c.name == "attune_session"]
    assert seeds.NAME in staff.get("/console").text
    assert seeds.EMAIL in staff.get("/dev/mailbox").text
    booked = approving.book()["id"]
    console = f"/console/bookings/{booked}"
    assert seeds.NOTE in staff.get(console).text
    assert staff.send(f"{console}/decline", words=seeds.DECLINING).status_code == 200
    again = staff.send(f"/console/bookings/{approving.book()['id']}/cancel", words="x" * 5000)
    assert again.status_code in (200, 400)


def _fail_inside(instant: Clinic) -> None:
    """Make the databases refuse and quote rows, so that services meet unexpected errors."""
    with refusing(instant.whole, "booking", "bookings"):
        failed = instant.public.call(
            "POST", f"/providers/{instant.username}/bookings", json=instant.typed()
        )
        assert (failed.status_code, failed.json()["reason"]) == (500, "INTERNAL")
    with refusing(instant.whole, GATEWAY, "sessions"):
        login = {"email": instant.email, "password": seeds.PASSWORD}
        assert instant.public.call("POST", "/auth/login", json=login).status_code == 500
        page = instant.browser().send("/signin", **login)
        assert page.status_code == 500
    [log] = [p.log for p in instant.whole.stack.processes if p.name == "notifications"]
    with refusing(instant.whole, "notifications", "development_messages"):
        instant.book()
        until(log.read_text, lambda text: "IntegrityError while making a notice" in text)


def _ask_wrongly(instant: Clinic) -> None:
    stack, errors = instant.whole.stack, instant.whole.places.errors
    document = instant.public.get("/openapi.json")
    stranger = Caller(stack.url, token=seeds.WORD, errors=errors)
    assert wrong.ask_all_operations(document, stranger, instant.owner) > 30
    assert wrong.ask_all_rpcs(stack, instant.world.practice_id, errors) > 40
    wrong.ask_gunicorn(stack.port, errors)
    large = instant.public.call("POST", "/auth/login", data=seeds.NOTE * 5000)
    assert large.status_code in (413, 415)


def _mail_badly(instant: Clinic) -> None:
    """Run one more process of notifications, with a mail server that refuses everything."""
    stack = instant.whole.stack
    [process] = [p for p in stack.processes if p.name == "notifications"]
    process.handle.terminate()
    process.handle.wait()
    extra = dict(stack.extra)
    with Quoting() as server:
        stack.extra = {**extra, "CHANNEL": "smtp", "SMTP_URL": server.url}
        mailing = stack.restart(process)
        stack.await_ready(mailing)
        instant.book()
        until(lambda: server.asked, bool)
        until(mailing.log.read_text, lambda text: "450" in text)
    mailing.handle.terminate()
    mailing.handle.wait()
    stack.extra = extra
    stack.await_ready(stack.restart(mailing))


def _until_dead(whole: Whole, booking_id: str) -> None:
    """Wait until the confirmation whose room could not be stored is a dead letter."""
    with Bus(whole.stack.nats_url, "tests") as bus:
        bus.start()
        assert bus.wait(60)
        letters = until(lambda: dead_letters.oldest(bus), bool, seconds=60)
        assert [letter.error for letter in letters] == ["IntegrityError"]
        assert booking_id.encode() in letters[0].payload


def _let_everything_arrive(whole: Whole) -> None:
    for service in ("booking", "availability", "notifications", "telehealth-rooms"):
        with whole.places.database(service) as connection:
            until(
                lambda: connection.execute("SELECT count(*) FROM outbox").fetchone(),
                lambda row: row == (0,),
            )
    whole.places.await_metrics()


def _every_place_is_searched(whole: Whole, lost: dict[str, Any]) -> None:
    """Check that the same search finds, in each place, a text that is known to be there."""
    known = {
        "logs": "attune.booking.v1.bookingservice/createbooking failed",
        "telemetry": "attune.notices",
        "messages": lost["id"],
        "files of NATS": lost["id"],
        "errors": "slot_taken",
        "rows": lost["id"],
        "log of PostgreSQL": 'violates check constraint "never"',
        "files of PostgreSQL": lost["id"],
        "statements": "commit",
        "processes": "gateway",
    }
    assert known.keys() == whole.places.all().keys()
    for name, place in whole.places.all().items():
        sought = Needles(words=[known[name]], phones=[])
        assert any(list(seeds.search(at, content, sought)) for at, content in place()), name
    dead = Needles(words=["dead.telehealth-rooms"], phones=[])
    letters = [place for place in whole.places.messages() if DEAD_STREAM in place[0]]
    assert any(list(seeds.search(at, content, dead)) for at, content in letters)


def _secrets(secrets: Any) -> list[str]:
    """Return the keys, which must not leak either, and the beginning of an identity token."""
    rings = [ring.partition(":")[2] for ring in secrets.encryption_keys.values()]
    private = [pair[0] for pair in secrets.identity_keys.values()]
    return [*rings, *private, secrets.blind_index_key, secrets.session_key, "eyJhbGciOiJFZERTQSIs"]
