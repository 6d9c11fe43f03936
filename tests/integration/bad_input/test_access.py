"""Wrong requests for clients, billables, notices, the audit, sign-in, feeds, and probes."""

import pytest

from tests.integration.bad_input import words
from tests.integration.bad_input.checking import check
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place
from tests.integration.bad_input.table import Problem, Route, Row, invalid, refused

API = "/api/v1"
NOBODY = "00000000-0000-4000-8000-000000000000"

CLIENTS = Route("GET", f"{API}/clients", "owner")
GET_CLIENT = Route("GET", f"{API}/clients/<uuid:client_id>", "owner")
CLIENT = Route(
    "PATCH", f"{API}/clients/<uuid:client_id>", "owner", json={"billing_type": "insurance"}
)
BILLABLES = Route("GET", f"{API}/billables", "owner")
NOTICES = Route("GET", f"{API}/notices/failed", "owner")
RESEND = Route("POST", f"{API}/notices/<uuid:notice_id>/resend", "owner")
AUDIT = Route("GET", f"{API}/audit", "owner")
LOGIN = Route(
    "POST", f"{API}/auth/login", json={"email": "nobody@staff.example", "password": "not this one"}
)
LOGOUT = Route("POST", f"{API}/auth/logout")
SESSIONS = Route("GET", f"{API}/auth/sessions")
REVOKE = Route("DELETE", f"{API}/auth/sessions/<uuid:session_id>", "owner")
FEED = Route("GET", "/calendar/<token>.ics")
HEALTH = Route("GET", "/healthz")
READINESS = Route("GET", "/readyz")
DOCUMENT = Route("GET", f"{API}/openapi.json")
PAGE = Route("GET", "/api/docs")
FILE = Route("GET", "/api/docs/<path:filename>")
STATIC = Route("GET", "/static/<path:filename>")
MESSAGES = Route("GET", f"{API}/dev/messages")

NOT_HERE = refused(404, "NOT_FOUND", words.NOTHING_HERE)
NOT_FOUND = refused(404, "NOT_FOUND", words.NO_THING)
NO_CURSOR = refused(404, "UNKNOWN_CURSOR", "Invalid cursor.", at="cursor")
SIGN_IN = refused(401, "UNAUTHENTICATED", words.SIGN_IN)
WRONG = refused(401, "WRONG_CREDENTIALS", "Incorrect email or password.")
NO_FEED = refused(404, "FEED_NOT_FOUND", "This feed doesn't exist.")
NO_METHOD = refused(405, "METHOD_NOT_ALLOWED", "This address doesn't support this method.")


def pages(route: Route) -> list[Row]:
    """Return the wrong requests that every list refuses."""

    def row(name: str, expected: Problem, **query: str) -> Row:
        return route.row(name, expected, query=query)

    return [
        row("none", invalid({"limit": words.at_least(1)}), limit="0"),
        row("more than a page", invalid({"limit": words.up_to(200)}), limit="201"),
        row("a fraction", invalid({"limit": words.A_NUMBER}), limit="1.5"),
        row("a garbled cursor", NO_CURSOR, cursor="x"),
        row("a cursor of another list", NO_CURSOR, cursor="<bookings_cursor>"),
        row("a cursor with a null byte", invalid({"cursor": words.A_CURSOR}), cursor="\0"),
    ]


ROWS = [
    *pages(CLIENTS),
    *pages(BILLABLES),
    *pages(NOTICES),
    *pages(AUDIT),
    GET_CLIENT.row("no id", NOT_HERE, path={"client_id": "ada"}),
    GET_CLIENT.row("an id of nothing", NOT_FOUND, path={"client_id": NOBODY}),
    GET_CLIENT.row("the id of a booking", NOT_FOUND, path={"client_id": "<booking_id>"}),
    GET_CLIENT.row("another practice's", NOT_FOUND, path={"client_id": "<their_client>"}),
    CLIENT.row("nothing at all", invalid({"billing_type": words.NEEDED}), json={}),
    CLIENT.row(
        "a type that is none",
        invalid({"billing_type": "Must be one of: cash, insurance or not_billed."}),
        body={"billing_type": "barter"},
    ),
    CLIENT.row(
        "null",
        invalid({"billing_type": "Must be one of: cash, insurance or not_billed."}),
        body={"billing_type": None},
    ),
    CLIENT.row(
        "a field that cannot be set", invalid({"status": words.NO_FIELD}), body={"status": "active"}
    ),
    CLIENT.row("another practice's", NOT_FOUND, path={"client_id": "<their_client>"}),
    BILLABLES.row(
        "a date that there is not", invalid({"from": words.EITHER}), query={"from": "2027-02-30"}
    ),
    BILLABLES.row(
        "the end before the beginning",
        refused(400, "RANGE_REVERSED", "The end is before the start.", "to"),
        query={"from": "2027-02-01T10:00:01Z", "to": "2027-02-01T10:00:00Z"},
    ),
    BILLABLES.row(
        "nobody of that name",
        refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER, at="username"),
        query={"provider": "nobody-of-that-name"},
    ),
    BILLABLES.row(
        "a client that is no id", invalid({"client": words.AN_ID}), query={"client": "x"}
    ),
    BILLABLES.row("a zone on Mars", invalid({"tz": words.A_ZONE}), query={"tz": "Mars/Olympus"}),
    RESEND.row("no id", NOT_HERE, path={"notice_id": "x"}),
    RESEND.row("an id of nothing", NOT_FOUND, path={"notice_id": NOBODY}),
    AUDIT.row(
        "a date that there is not", invalid({"to": words.EITHER}), query={"to": "2027-02-30"}
    ),
    AUDIT.row(
        "the end before the beginning",
        refused(400, "RANGE_REVERSED", "The end is before the start.", "to"),
        query={"from": "2027-02-02", "to": "2027-02-01"},
    ),
    LOGIN.row(
        "nothing at all", invalid({"email": words.NEEDED, "password": words.NEEDED}), json={}
    ),
    LOGIN.row("no e-mail", invalid({"email": words.NEEDED}), body={"email": ""}),
    LOGIN.row("no password", invalid({"password": words.NEEDED}), body={"password": ""}),
    LOGIN.row(
        "a long password", invalid({"password": words.longest(200)}), body={"password": "x" * 201}
    ),
    LOGIN.row("a number", invalid({"password": words.A_TEXT}), body={"password": 12345678}),
    LOGIN.row("a null byte", invalid({"email": words.A_LINE}), body={"email": "a\0@staff.example"}),
    LOGIN.row("a long e-mail", invalid({"email": words.longest(254)}), body={"email": "x" * 255}),
    LOGIN.row("an unknown field", invalid({"remember": words.NO_FIELD}), body={"remember": True}),
    LOGIN.row("nobody", WRONG),
    LOGIN.row("no e-mail at all", WRONG, body={"email": "nobody"}),
    LOGOUT.row("a token that is none", SIGN_IN, headers={"Authorization": "Bearer ="}),
    LOGOUT.row("no token after the word", SIGN_IN, headers={"Authorization": "Bearer"}),
    SESSIONS.row("a long token", SIGN_IN, headers={"Authorization": f"Bearer {'x' * 7000}"}),
    SESSIONS.row("other letters", SIGN_IN, headers={"Authorization": "Bearer \xe9\xff"}),
    SESSIONS.row("another scheme", SIGN_IN, headers={"Authorization": "Basic b3duZXI6cHc="}),
    SESSIONS.row("other letters in the cookie", SIGN_IN, headers={"Cookie": "attune_session=\xe9"}),
    REVOKE.row("no id", NOT_HERE, path={"session_id": "mine"}),
    REVOKE.row("an id of nothing", NOT_FOUND, path={"session_id": NOBODY}),
    REVOKE.row("the id of a booking", NOT_FOUND, path={"session_id": "<booking_id>"}),
    FEED.row("a token that is none", NO_FEED, path={"token": "feed"}),
    FEED.row("a null byte", NO_FEED, path={"token": "%00"}),
    FEED.row("no UTF-8", NO_FEED, path={"token": "%ff"}),
    FEED.row("a long token", NO_FEED, path={"token": "x" * 7000}),
    MESSAGES.row("a null byte", invalid({"to": words.A_LINE}), query={"to": "a\0"}),
    MESSAGES.row("a long address", invalid({"to": words.longest(254)}), query={"to": "x" * 255}),
    HEALTH.row("another method", NO_METHOD, method="POST"),
    READINESS.row("another method", NO_METHOD, method="DELETE"),
    DOCUMENT.row("another method", NO_METHOD, method="PUT"),
    PAGE.row("another method", NO_METHOD, method="PATCH"),
    FILE.row("a file that is not there", NOT_HERE, path={"filename": "nothing.css"}),
    FILE.row("a path out of the folder", NOT_HERE, path={"filename": "..%2f..%2fapp.py"}),
    STATIC.row("a path out of the folder", NOT_HERE, path={"filename": "%2e%2e/app.py"}),
    STATIC.row("a null byte", NOT_HERE, path={"filename": "attune.css%00"}),
]


@pytest.mark.req("GW-2", "GW-3", "GW-12", "CL-3")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_request_is_explained(place: Place, databases: Databases, row: Row) -> None:
    check(place, databases, row)
