"""Forms that change something: a double click acts once, and nobody gets an error."""

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from common.db.database import Database
from common.services import SERVICES, package
from gateway.identity import accounts
from services.gateway.tests.clinic import PASSWORD, Practice

pytestmark = pytest.mark.req("GW-3", "GW-6")


@dataclass
class Form:
    """A POST form as a page shows it: its address and its hidden fields."""

    path: str
    fields: dict[str, str]


def forms(html: str, shown_at: str) -> list[Form]:
    """Return the POST forms of a page; the form that signs out is not among them."""
    found = re.findall(r'<form ([^>]*method="post"[^>]*)>(.*?)</form>', html, re.DOTALL)
    hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)"'
    posted = [
        Form(
            unescape(action[1]) if (action := re.search(r'action="([^"]+)"', head)) else shown_at,
            {name: unescape(value) for name, value in re.findall(hidden, body)},
        )
        for head, body in found
    ]
    return [form for form in posted if form.path != "/signout"]


@dataclass
class Browser:
    """A browser with the cookies of a visitor, or of staff who are signed in."""

    url: str
    cookies: dict[str, str]

    def forms(self, path: str) -> list[Form]:
        answer = requests.get(f"{self.url}{path}", cookies=self.cookies, timeout=60)
        assert answer.status_code == 200, answer.text
        self.cookies |= answer.cookies.get_dict()
        return forms(answer.text, path)

    def send_twice(self, form: Form, **typed: str) -> set[tuple[int, str | None]]:
        """Send a form twice at the same time, and return the different answers."""

        def send(_: int) -> tuple[int, str | None]:
            answer = requests.post(
                f"{self.url}{form.path}",
                {**form.fields, **typed},
                cookies=self.cookies,
                timeout=60,
                allow_redirects=False,
            )
            return answer.status_code, answer.headers.get("Location")

        with ThreadPoolExecutor(2) as clicks:
            return set(clicks.map(send, range(2)))


@pytest.fixture(scope="module")
def practice(make_practice: Callable[[], Practice]) -> Practice:
    """A practice that approves bookings and clients' cancellations."""
    made = make_practice()
    version = made.owner.get("/policies")["version"]
    approval = {"confirmation": "approval", "client_cancellation": "approval"}
    body = {"version": version, "policies": approval}
    assert made.owner.send("PUT", "/policies", body).status_code == 200
    return made


@pytest.fixture(scope="module")
def staff(practice: Practice) -> Browser:
    token = practice.owner.authorization.removeprefix("Bearer ")
    return Browser(practice.stack.url, {"attune_session": token})


@pytest.fixture
def visitor(practice: Practice) -> Browser:
    return Browser(practice.stack.url, {})


@pytest.fixture(scope="module")
def book(practice: Practice) -> Callable[[], Any]:
    """`book()` is a new booking that waits for approval."""
    starts = iter(practice.slots()[::4])  # an hour apart
    return lambda: practice.book(next(starts))


def status(practice: Practice, booking: Any) -> Any:
    return practice.owner.get(f"/bookings/{booking['id']}")["status"]


def form_for(browser: Browser, path: str, action: str) -> Form:
    [form] = [form for form in browser.forms(path) if form.path.endswith(f"/{action}")]
    return form


def test_every_form_carries_a_request_id_of_its_own(
    practice: Practice, staff: Browser, visitor: Browser, book: Callable[[], Any]
) -> None:
    first, second = book(), book()
    console = f"/console/bookings/{first['id']}"
    manage = first["manage_url"].removeprefix(practice.stack.url)
    query = f"service=talk&mode=telehealth&start={practice.slots()[-1]}".replace("+", "%2B")
    shown = [
        *staff.forms("/console"),
        *staff.forms(console),
        *staff.forms(f"{console}/decline"),
        *staff.forms(f"{console}/cancel"),
        *visitor.forms(f"{manage}/cancel"),
        *visitor.forms(f"/book/{practice.username}?{query}"),
    ]
    assert f"/console/bookings/{second['id']}/confirm" in {form.path for form in shown}
    ids = [form.fields["key"] for form in shown]
    assert len(set(ids)) == len(ids) >= 7
    assert all(len(request_id) >= 20 for request_id in ids)


def test_a_double_click_books_once(practice: Practice, visitor: Browser) -> None:
    start = practice.slots()[-1]
    query = f"service=talk&mode=telehealth&start={start}".replace("+", "%2B")
    [form] = visitor.forms(f"/book/{practice.username}?{query}")
    [(code, location)] = visitor.send_twice(form, name="Jane Roe", email="jane@mail.example")
    assert code == 303
    assert location is not None
    assert location.startswith("/manage/")


def test_staff_may_click_twice(practice: Practice, staff: Browser, book: Callable[[], Any]) -> None:
    booking = book()
    page = f"/console/bookings/{booking['id']}"
    form = form_for(staff, page, "confirm")
    assert staff.send_twice(form) == {(303, f"{page}?said=confirm")}
    assert status(practice, booking) == "confirmed"
    [form] = staff.forms(f"{page}/cancel")
    answers = staff.send_twice(form, reason="2", words="I am ill.", tell="yes")
    assert answers == {(303, f"{page}?said=cancel")}
    assert status(practice, booking) == "cancelled"


def test_staff_may_click_twice_to_decline(
    practice: Practice, staff: Browser, book: Callable[[], Any]
) -> None:
    booking = book()
    page = f"/console/bookings/{booking['id']}"
    [form] = staff.forms(f"{page}/decline")
    assert staff.send_twice(form, words="We are full.") == {(303, f"{page}?said=decline")}
    assert status(practice, booking) == "declined"


def test_a_client_and_then_staff_may_click_twice(
    practice: Practice, staff: Browser, visitor: Browser, book: Callable[[], Any]
) -> None:
    booking = book()
    page = f"/console/bookings/{booking['id']}"
    practice.owner.post(f"/bookings/{booking['id']}/confirm")
    manage = booking["manage_url"].removeprefix(practice.stack.url)
    [form] = visitor.forms(f"{manage}/cancel")
    assert visitor.send_twice(form, reason="A cold.") == {(303, manage)}
    form = form_for(staff, page, "decline-cancellation")
    assert staff.send_twice(form) == {(303, f"{page}?said=decline-cancellation")}
    practice.come(booking)
    for action, after in (("start", "in_progress"), ("complete", "completed")):
        form = form_for(staff, page, action)
        assert staff.send_twice(form) == {(303, f"{page}?said={action}")}
        assert status(practice, booking) == after


TYPED = {
    "name": "Zo\u00eb O'Neil",
    "email": "zoe@mail.example",
    "phone": "+1 212 555 0123",
    "note": 'Two lines,\nand <b> & "quotes"',
}


@pytest.fixture
def limited(make_app: Callable[..., Flask], practice: Practice) -> FlaskClient:
    """A browser of a gateway that takes one public write in an hour from an address."""
    stack = practice.stack
    app = make_app(
        limit_public_writes="1/hour",
        identity_key=stack.secrets.identity_keys["gateway"][0],
        availability_target=stack.target("availability"),
        booking_target=stack.target("booking"),
    )
    browser = app.test_client()
    browser.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "REMOTE_ADDR": _address()}
    return browser


def _address() -> str:
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


@pytest.mark.req("GW-14")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": ""},
        {"email": ""},
        {"note": "x" * 3000},
        {"mode": "in_person"},
        {"choose": "later"},
        {"hold": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_too_many_bookings_lose_nothing_that_was_typed(
    practice: Practice, limited: FlaskClient, changes: dict[str, str]
) -> None:
    path, (start, later, *_) = f"/book/{practice.username}", practice.slots(tz="UTC")
    shown = limited.get(path, query_string={"service": "talk", "start": start})
    (form,) = forms(shown.text, path)
    held = limited.post(f"{path}/hold", data=form.fields)
    assert held.status_code == 303  # the one write
    typed = {**form.fields, **TYPED, **changes}
    if "choose" in changes:
        typed["choose"] = later
    refused = limited.post(path, data=typed)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert int(refused.headers["Retry-After"]) > 3000
    assert "Try again in 60 minutes." in refused.text
    for name in TYPED:
        assert typed[name] in unescape(refused.text)
    assert re.search(rf'name="key" value="{re.escape(form.fields["key"])}"', refused.text)


WORDS = {"words": 'I\'m sorry,\n<b> & "quotes"'}
DETAILS = {
    "name": 'Elm <b> & "Co"',
    "address": "1 Elm Street",
    "country": "GB",
    "phone": "020 7946 0958",
    "email": "desk@elm.example",
    "website": "elm.example",
}


@pytest.fixture
def make_staff(
    make_app: Callable[..., Flask], practice: Practice, database: Database
) -> Callable[..., FlaskClient]:
    """`make_staff()` is the browser of an owner who is signed in at a gateway of its own."""

    def make(**settings: str) -> FlaskClient:
        stack = practice.stack
        app = make_app(
            identity_key=stack.secrets.identity_keys["gateway"][0],
            **{f"{package(name)}_target": stack.target(name) for name in SERVICES},
            **settings,
        )
        email = f"{secrets.token_hex(8)}@clinic.example"
        accounts.create(
            database,
            app.extensions["clock"],
            practice_id=UUID(practice.practice_id),
            email=email,
            password=PASSWORD,
            roles=("owner",),
        )
        browser = app.test_client()
        browser.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "REMOTE_ADDR": _address()}
        token = forms(browser.get("/signin").text, "/signin")[0].fields["csrf_token"]
        login = {"csrf_token": token, "email": email, "password": PASSWORD}
        assert browser.post("/signin", data=login).status_code == 303
        return browser

    return make


@pytest.fixture(scope="module")
def waiting(practice: Practice) -> Any:
    """A booking that waits for approval, and that no test changes."""
    free = practice.slots()
    return practice.book(free[len(free) // 2])


# Each form of the console, by the end of its address, with what was entered.
FILLED_IN = {
    "decline": WORDS,
    "cancel": {**WORDS, "reason": "2", "tell": "yes"},
    "cancel, client not told": {**WORDS, "reason": "4"},
    "cancel, no reason yet": WORDS,
    "confirm": {},
    "start": {},
    "decline-cancellation": {},
    "practice": DETAILS,
}


@pytest.mark.req("GW-9", "GW-14")
@pytest.mark.parametrize("is_forged", [False, True], ids=["too-many", "not-from-our-page"])
@pytest.mark.parametrize("name", FILLED_IN)
def test_a_form_of_the_console_that_is_not_processed_loses_nothing(
    practice: Practice,
    make_staff: Callable[..., FlaskClient],
    waiting: Any,
    name: str,
    is_forged: bool,
) -> None:
    staff = make_staff() if is_forged else make_staff(limit_writes="1/hour")
    token = re.search(r'name="csrf_token" value="([^"]+)"', staff.get("/console").text)
    assert token
    sent = {"csrf_token": token[1]}
    if not is_forged:  # the one write
        assert staff.post("/console/bookings/none/confirm", data=sent).status_code == 404
    booking, typed = waiting, FILLED_IN[name]
    path = f"/console/bookings/{booking['id']}/{name.partition(',')[0]}"
    path = "/console/practice" if name == "practice" else path
    before = practice.owner.get(f"/bookings/{booking['id']}"), practice.owner.get("/practice")
    refused = staff.post(path, data={**typed, **({} if is_forged else sent)})
    page = unescape(refused.text)
    assert (refused.status_code, refused.mimetype) == (403 if is_forged else 429, "text/html")
    if is_forged:
        assert "Please send the form again." in page
    else:
        assert int(refused.headers["Retry-After"]) > 3000
        assert "Try again in 60 minutes." in page
    for field, value in typed.items():
        if field in ("reason", "country"):
            assert f'<option value="{value}" selected>' in page
        elif field != "tell":
            assert value in page
    if path.endswith("cancel"):
        assert ('name="tell" value="yes" checked' in page) is ("tell" in typed)
    after = practice.owner.get(f"/bookings/{booking['id']}"), practice.owner.get("/practice")
    assert after == before


@pytest.mark.req("GW-14")
@pytest.mark.parametrize("reason", ["", "A cold.", "Two lines,\n<b>", "x" * 1500, "x" * 2001])
@pytest.mark.parametrize("is_forged", [False, True], ids=["too-many", "not-from-our-page"])
def test_a_cancellation_that_is_not_processed_loses_nothing(
    practice: Practice,
    limited: FlaskClient,
    waiting: Any,
    reason: str,
    is_forged: bool,
) -> None:
    booking = waiting
    path = f"{booking['manage_url'].removeprefix(practice.stack.url)}/cancel"
    [form] = forms(limited.get(path).text, path)
    sent = {**form.fields, "reason": reason}
    if is_forged:
        sent.pop("csrf_token")
    else:
        taken = {"service": "talk", "mode": "telehealth", "start": practice.slots(tz="UTC")[-1]}
        limited.post(f"/api/v1/providers/{practice.username}/holds", json=taken)  # the one write
    refused = limited.post(path, data=sent)
    assert refused.status_code == (403 if is_forged else 429)
    assert reason in unescape(refused.text)
    assert status(practice, booking) == "requested"
