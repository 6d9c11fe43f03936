"""Wrong forms: the page comes back, explains each problem at its field, and keeps what was
typed."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.bad_input import words
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Answer, Place
from tests.integration.bad_input.table import Route

BOOK = Route("POST", "/book/<username>")
HOLD = Route("POST", "/book/<username>/hold")
RELEASE = Route("POST", "/book/<username>/release")
CANCEL = Route("POST", "/manage/<token>/cancel")
SIGN_IN = Route("POST", "/signin")
SIGN_OUT = Route("POST", "/signout", "owner")
ACT = "/console/bookings/<booking_id>"
CONFIRM = Route("POST", f"{ACT}/confirm", "owner")
START = Route("POST", f"{ACT}/start", "owner")
COMPLETE = Route("POST", f"{ACT}/complete", "owner")
REOPEN = Route("POST", f"{ACT}/reopen", "owner")
KEEP = Route("POST", f"{ACT}/decline-cancellation", "owner")
USE_CONTACT = Route("POST", f"{ACT}/update-client", "owner")
PRACTICE = Route("POST", "/console/practice", "owner")
STAFF_CANCEL = Route("POST", f"{ACT}/cancel", "owner")
DECLINE = Route("POST", f"{ACT}/decline", "owner")

SLOT = {"service": "session", "mode": "telehealth", "tz": "Europe/London", "start": "<start>"}
TYPED = {
    "name": "Ada \u202eByron & \U0001f642",
    "email": "ada@client.example",
    "phone": "+1 212 555 0100",
    "note": "One line,\nand <another>.",
}
# While a form is corrected, its time is kept for the visitor.
OF_A_HOLD = (
    "booking.holds",
    "booking.occupancy",
    "booking.resources",
    "booking.due",
    "booking.idempotency",
    "booking.outbox",
    "availability.taken",
    "availability.taken_revisions",
)
NOBODY = "00000000-0000-4000-8000-000000000000"
CLOSED = (
    "This page was open for too long, or your browser blocks cookies. Please send the form again."
)
NOT_HERE = "Page not found"
NOT_FROM_HERE = "You can't do this here"
UNAVAILABLE = "This time is no longer available."
AN_EMAIL = "Enter an email address, such as name@example.com."
A_PHONE = "Enter a phone number, such as +1 212 555 0100."
NO_CONTROLS = "Control characters are not allowed."


@dataclass(frozen=True)
class Form:
    """One wrong form, with the message of the page and its field; "" stands for the top of the
    page."""

    route: Route
    name: str
    status: int
    said: str
    at: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    kept: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.route}: {self.name}"


def book(fault: str, said: str, at: str = "", status: int = 400, /, **typed: Any) -> Form:
    fields = {**SLOT, **TYPED, **typed}
    return Form(BOOK, fault, status, said, at, fields, kept=tuple(TYPED), changes=OF_A_HOLD)


def staff(route: Route, fault: str, status: int, said: str, at: str = "", /, **fields: Any) -> Form:
    return Form(route, fault, status, said, at, fields)


def without_token(route: Route, said: str = NOT_FROM_HERE, **fields: Any) -> Form:
    return Form(route, "not from one of our pages", 403, said, fields=fields, token="x" * 43)


ROWS = [
    book("no name", "Enter your name.", "name", name=" "),
    book("no e-mail", "Enter your email address.", "email", email=""),
    book("an e-mail that is none", AN_EMAIL, "email", email="ada@client"),
    book(
        "an e-mail of two lines", AN_EMAIL, "email", email="ada@client.example\nBcc: eve@x.example"
    ),
    book("two e-mails", AN_EMAIL, "email", email="ada@client.example, eve@client.example"),
    book("a long e-mail", AN_EMAIL, "email", email=f"{'x' * 300}@client.example"),
    book("a phone that is none", A_PHONE, "phone", phone="call me"),
    book("a long name", "At most 200 characters are allowed.", "name", name="x" * 201),
    book("a name with a null byte", NO_CONTROLS, "name", name="Ada\0Byron"),
    book("a name of two lines", NO_CONTROLS, "name", name="Ada\nBcc: eve@x.example"),
    book("a long note", "At most 4000 characters are allowed.", "note", note="x" * 4001),
    book("a note with an escape", NO_CONTROLS, "note", note="\x1b[2J"),
    book(
        "a time that somebody else has",
        "This time was just booked.",
        "",
        409,
        start="<taken>",
    ),
    book(
        "a time that is not offered", "This time is no longer available.", "", 422, start="<night>"
    ),
    book("a time off the grid", UNAVAILABLE, "", 422, start="<off_grid>"),
    book("a time that is past", "That time has passed.", "", 422, start="<past>"),
    book("a hold that is no id", "Must be an id from an earlier response.", "", hold="hold-1"),
    Form(
        BOOK, "no UTF-8", 400, "Enter your name.", "name", SLOT, changes=OF_A_HOLD, body=b"name=+"
    ),
    Form(BOOK, "no time", 400, "Choose a time", fields={**SLOT, **TYPED, "start": "soon"}),
    Form(
        BOOK,
        "not from one of our pages",
        403,
        CLOSED,
        fields={**SLOT, **TYPED},
        token="x",
        kept=tuple(TYPED),
        changes=OF_A_HOLD,
    ),
    Form(BOOK, "nobody of that name", 404, NOT_HERE, fields=SLOT, path={"username": "nobody"}),
    Form(BOOK, "too large", 413, "That didn't work", fields={**SLOT, "note": "x" * 70_000}),
    Form(
        CANCEL,
        "too many words",
        400,
        "At most 2000 characters are allowed.",
        "reason",
        {"reason": "x" * 2001},
        kept=("reason",),
    ),
    Form(CANCEL, "a null byte", 400, NO_CONTROLS, "reason", {"reason": "ill\0"}, kept=()),
    Form(
        CANCEL,
        "not from one of our pages",
        403,
        CLOSED,
        fields={"reason": "ill"},
        token="x",
        kept=("reason",),
    ),
    Form(CANCEL, "a link that is none", 404, NOT_HERE, path={"token": "x" * 43}),
    Form(
        SIGN_IN,
        "a wrong password",
        401,
        "Incorrect email or password.",
        fields={"email": "nobody@staff.example", "password": "not this one"},
        kept=("email",),
    ),
    Form(
        SIGN_IN,
        "a null byte",
        401,
        "Incorrect email or password.",
        fields={"email": "nobody\0@staff.example", "password": "\0"},
    ),
    Form(
        SIGN_IN,
        "not from one of our pages",
        403,
        CLOSED,
        fields={"email": "a@b.example"},
        token="x",
        kept=("email",),
    ),
    without_token(SIGN_OUT),
    staff(STAFF_CANCEL, "no reason", 400, "Choose a reason.", "reason", words="Sorry."),
    staff(STAFF_CANCEL, "a reason that is none", 400, "Choose a reason.", "reason", reason="99"),
    staff(
        STAFF_CANCEL,
        "too many words",
        400,
        "At most 2000 characters are allowed.",
        "words",
        reason="2",
        words="x" * 2001,
    ),
    without_token(STAFF_CANCEL, reason="2"),
    Form(
        STAFF_CANCEL,
        "another practice's",
        404,
        NOT_HERE,
        fields={"reason": "2"},
        path={"booking_id": "<their_booking>"},
    ),
    staff(
        DECLINE,
        "a confirmed booking",
        422,
        "A booking that is confirmed can't become declined.",
        words="Sorry.",
    ),
    staff(
        DECLINE,
        "too many words",
        400,
        "At most 2000 characters are allowed.",
        "words",
        words="x" * 2001,
    ),
    staff(
        CONFIRM, "a confirmed booking", 422, "A booking that is confirmed can't become confirmed."
    ),
    Form(CONFIRM, "no id", 404, NOT_HERE, path={"booking_id": "booking-1"}),
    Form(
        START,
        "a cancelled booking",
        422,
        "A booking that is canceled can't become in progress.",
        path={"booking_id": "<cancelled>"},
    ),
    Form(
        COMPLETE,
        "a cancelled booking",
        422,
        "A booking that is canceled can't become completed.",
        path={"booking_id": "<cancelled>"},
    ),
    staff(
        REOPEN,
        "a session that has not begun",
        422,
        "Only a session that is in progress or completed can be reopened.",
        version="1",
    ),
    staff(REOPEN, "another version", 409, words.STALE, version="2"),
    staff(REOPEN, "no version", 409, words.STALE),
    staff(REOPEN, "a version that is no number", 409, words.STALE, version="\u0661"),
    staff(REOPEN, "a version that no number holds", 409, words.STALE, version="9" * 40),
    without_token(REOPEN, version="1"),
    Form(COMPLETE, "a null byte", 404, NOT_HERE, path={"booking_id": "%00"}),
    Form(USE_CONTACT, "no id", 404, NOT_HERE, path={"booking_id": "booking-1"}),
    without_token(USE_CONTACT),
    Form(
        PRACTICE,
        "no name",
        400,
        "Required.",
        "name",
        {"name": " ", "website": "elm.example"},
        kept=("website",),
    ),
    Form(
        PRACTICE,
        "a phone that is too short",
        400,
        "The phone number is too short. Include the area code.",
        "phone",
        {"name": "Elm Street", "country": "US", "phone": "555-0100"},
        kept=("name", "phone"),
    ),
    staff(PRACTICE, "an email that is none", 400, AN_EMAIL, "email", name="Elm", email="desk"),
    without_token(PRACTICE, name="Elm Street"),
    Form(
        HOLD, "a time that is past", 422, "That time has passed.", "", {**SLOT, "start": "<past>"}
    ),
    Form(HOLD, "a time off the grid", 422, UNAVAILABLE, "", {**SLOT, "start": "<off_grid>"}),
    without_token(RELEASE, hold=NOBODY),
    staff(
        KEEP,
        "nothing was asked for",
        422,
        "The client isn't asking to cancel this booking.",
    ),
]


@pytest.mark.req("GW-6", "GW-9", "GW-14")
@pytest.mark.parametrize("form", ROWS, ids=str)
def test_a_wrong_form_comes_back_with_what_was_typed(
    place: Place, databases: Databases, form: Form
) -> None:
    cookies, token = open_page(place, form)
    with databases.unchanged(*form.changes):
        answer = send(place, form, cookies, form.token or token)
    assert answer.status == form.status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert form.said in told(page, form.at)
    for name in form.kept:
        assert html.unescape(value_of(page, name)) == place.filled_in(form.fields)[name]


def open_page(place: Place, form: Form) -> tuple[str, str]:
    """Return what a browser has after opening a page: its cookies and the form's token."""
    owner = form.route.caller == "owner"
    cookies = f"attune_session={place.world.owner.token}" if owner else "attune_visitor=" + "v" * 32
    page = place.call("GET", "/console" if owner else "/signin", {"Cookie": cookies}, None)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.body.decode())
    assert found, page
    return cookies, found[1]


def send(place: Place, form: Form, cookies: str, token: str) -> Answer:
    """Send a form and return the response."""
    fields = {"csrf_token": token, "key": "k" * 32, **place.filled_in(form.fields)}
    body = urlencode(fields).encode() + (b"&" + form.body if form.body else b"")
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    path = place.path(form.route.rule, place.filled_in(form.path))
    return place.call(form.route.method, path, headers, body)


def told(page: str, at: str) -> str:
    """Return the message at a field, or the whole page."""
    if not at:
        return html.unescape(page)
    found = re.search(rf'id="{at}-problem">.*?<span>(.*?)</span>', page, re.DOTALL)
    assert found, f"nothing is said at {at}"
    return html.unescape(found[1])


def value_of(page: str, name: str) -> str:
    """Return the value of a field."""
    found = re.search(rf'<input id="{name}"[^>]*? value="([^"]*)"', page) or re.search(
        rf'<textarea id="{name}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL
    )
    assert found, f"there is no field {name}"
    return found[1]
