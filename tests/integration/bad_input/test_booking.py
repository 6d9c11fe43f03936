"""Wrong requests for holds and bookings, and for changes of bookings."""

from typing import Any

import pytest

from tests.integration.bad_input import words
from tests.integration.bad_input.checking import check
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place
from tests.integration.bad_input.table import SOME, UNSET, Problem, Route, Row, invalid, refused

API = "/api/v1"
SLOT = {"service": "session", "mode": "telehealth", "start": "<start>"}
CLIENT = {"name": "Ada Byron", "email": "ada@client.example", "timezone": "Europe/London"}
HOLD = Route("POST", f"{API}/providers/<username>/holds", json=SLOT)
RELEASE = Route("DELETE", f"{API}/providers/<username>/holds/<uuid:hold_id>")
BOOK = Route("POST", f"{API}/providers/<username>/bookings", json={**SLOT, "client": CLIENT})
LIST = Route("GET", f"{API}/bookings", "owner")
GET = Route("GET", f"{API}/bookings/<uuid:booking_id>", "owner")
CANCEL = Route("POST", f"{API}/bookings/<uuid:booking_id>/cancel", "owner", json={})
CONFIRM = Route("POST", f"{API}/bookings/<uuid:booking_id>/confirm", "owner", json={})
DECLINE = Route("POST", f"{API}/bookings/<uuid:booking_id>/decline", "owner", json={})
USE_CONTACT = Route("POST", f"{API}/bookings/<uuid:booking_id>/update-client", "owner", json={})
KEEP = Route("POST", f"{API}/bookings/<uuid:booking_id>/decline-cancellation", "owner", json={})
START = Route("POST", f"{API}/bookings/<uuid:booking_id>/start", "owner", json={})
COMPLETE = Route("POST", f"{API}/bookings/<uuid:booking_id>/complete", "owner", json={})
REOPEN = Route("POST", f"{API}/bookings/<uuid:booking_id>/reopen", "owner", json={"version": 1})
ROOM = Route("GET", f"{API}/bookings/<uuid:booking_id>/room", "owner")

NOBODY = "00000000-0000-4000-8000-000000000000"
NO_PROVIDER = refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER, at="username")
NO_TYPE = refused(404, "SERVICE_TYPE_NOT_FOUND", "This service type doesn't exist.", at="service")
NOT_HERE = refused(404, "NOT_FOUND", words.NOTHING_HERE)
NOT_FOUND = refused(404, "NOT_FOUND", words.NO_THING)
NO_ROOM = refused(404, "ROOM_NOT_FOUND", "This booking has no video room.")
NO_CURSOR = refused(404, "UNKNOWN_CURSOR", "Invalid cursor.", at="cursor")
NO_LINK = refused(401, "UNAUTHENTICATED", "This link isn't valid.")
TAKEN = refused(
    409,
    "SLOT_TAKEN",
    "This time is no longer available.",
    alternatives=SOME,
)
REUSED = refused(
    409,
    "REQUEST_ID_REUSED",
    "This idempotency key was already used with different content.",
    at="Idempotency-Key",
)
KEY = "Must be 1 to 128 printable ASCII characters without spaces."
BAD_KEY = refused(400, "INVALID_IDEMPOTENCY_KEY", KEY, at="Idempotency-Key")
VISITOR = "Must be 16 to 64 letters, digits, hyphens, or underscores."
BAD_VISITOR = refused(400, "INVALID", VISITOR, at="X-Visitor-Id")
OFF_GRID = "The start isn't one of the service type's start times in these hours."
TOO_SOON = "The start is too soon: the minimum notice is 30 minutes."
TOO_FAR = "The start is too far ahead: the maximum is 10 days."
OUTSIDE_HOURS = "The session is outside the hours for telehealth."
REVERSED = "The end is before the start."


def rule(reason: str, detail: str) -> Problem:
    """Return the problem for a start that a rule of the provider refuses."""
    return refused(422, reason, detail, at="start")


def start(name: str, text: Any, expected: Problem | None = None) -> Row:
    """Return a request for a hold with a wrong start."""
    return HOLD.row(name, expected or invalid({"start": words.AN_INSTANT}), body={"start": text})


def client(name: str, field: str, value: Any, expected: str | Problem) -> Row:
    """Return a request for a booking with a wrong field of the client."""
    at = f"client.{field}"
    problem = invalid({at: expected}) if isinstance(expected, str) else expected
    return BOOK.row(name, problem, body={at: value})


def email(name: str, text: Any, expected: str | Problem = words.AN_EMAIL) -> Row:
    return client(f"e-mail: {name}", "email", text, expected)


def phone(name: str, text: Any, expected: str | Problem) -> Row:
    return client(f"phone: {name}", "phone", text, expected)


def name(name_: str, text: Any, expected: str | Problem = words.A_LINE) -> Row:
    return client(f"name: {name_}", "name", text, expected)


def zone(name_: str, text: Any) -> Row:
    return client(f"zone: {name_}", "timezone", text, words.A_ZONE)


def listed(name_: str, expected: Problem, **query: Any) -> Row:
    return LIST.row(name_, expected, query=query)


NO_EMAIL = refused(400, "INVALID_EMAIL", words.NO_EMAIL, at="client.email")
NO_PHONE = refused(400, "INVALID_PHONE", words.NO_PHONE, at="client.phone")
NO_COUNTRY_CODE = refused(400, "PHONE_NEEDS_COUNTRY", words.NO_COUNTRY_CODE, at="client.phone")
SHORT_PHONE = refused(400, "PHONE_TOO_SHORT", words.SHORT_PHONE, at="client.phone")
LONG_PHONE = refused(400, "PHONE_TOO_LONG", words.LONG_PHONE, at="client.phone")
NO_SUCH_PHONE = refused(400, "PHONE_NOT_DIALABLE", words.NO_SUCH_PHONE, at="client.phone")
ASCII = refused(
    400,
    "UNDELIVERABLE_EMAIL",
    "Use only plain letters (A-Z), digits, and common symbols before the @.",
    at="client.email",
)

ROWS = [
    # Holds
    HOLD.row("nobody of that name", NO_PROVIDER, path={"username": "nobody-of-that-name"}),
    HOLD.row(
        "nothing at all",
        invalid({"service": words.NEEDED, "mode": words.NEEDED, "start": words.NEEDED}),
        json={},
    ),
    HOLD.row("a number for the service", invalid({"service": words.A_TEXT}), body={"service": 5}),
    HOLD.row("null for the mode", invalid({"mode": words.A_MODE}), body={"mode": None}),
    HOLD.row("a list of modes", invalid({"mode": words.A_MODE}), body={"mode": ["phone"]}),
    HOLD.row("an unknown field", invalid({"length": words.NO_FIELD}), body={"length": 50}),
    HOLD.row("a service that is not there", NO_TYPE, body={"service": "nothing"}),
    HOLD.row(
        "a mode that the service does not have",
        refused(
            422,
            "MODE_NOT_OFFERED",
            "The service type isn't offered in the mode telehealth.",
            "mode",
        ),
        body={"service": "talk"},
    ),
    start("no offset", "<naive>"),
    start("a leap second", "<leap>"),
    start("a space instead of T", "2027-03-01 10:00:00Z"),
    start("no seconds", "2027-03-01T10:00Z"),
    start("the year 0", "0000-03-01T10:00:00Z"),
    start("the year 9999", "9999-12-31T23:59:59Z"),
    start("the year 2100", "2100-03-01T10:00:00Z"),
    start("a date alone", "2027-03-01"),
    start("an hour 24", "2027-03-01T24:00:00Z"),
    start("an offset of a day", "2027-03-01T10:00:00+24:00"),
    start("a zone's name", "2027-03-01T10:00:00[Europe/Berlin]"),
    start("seconds since 1970", 1_800_000_000),
    start("a null byte", "2027-03-01T10:00:00Z\0"),
    start("seven decimals", "2027-03-01T10:00:00.0000000Z"),
    start("off the grid", "<off_grid>", rule("OFF_GRID", OFF_GRID)),
    start("half a minute", "<seconds>", rule("OFF_GRID", "Must be a whole minute.")),
    start("in the past", "<past>", rule("TOO_SOON", TOO_SOON)),
    start("too soon", "<soon>", rule("TOO_SOON", TOO_SOON)),
    start("at night", "<night>", rule("OUTSIDE_HOURS", OUTSIDE_HOURS)),
    start(
        "in the gap of spring", "2027-03-14T02:30:00-05:00", rule("OUTSIDE_HOURS", OUTSIDE_HOURS)
    ),
    HOLD.row(
        "further ahead than the provider wants",
        rule("TOO_FAR", TOO_FAR),
        path={"username": "<limited>"},
        body={"start": "<far>"},
    ),
    start("taken", "<taken>", TAKEN),
    HOLD.row("a short visitor id", BAD_VISITOR, headers={"X-Visitor-Id": "x" * 15}),
    HOLD.row("a visitor id of other letters", BAD_VISITOR, headers={"X-Visitor-Id": "é" * 20}),
    HOLD.row("an empty key", BAD_KEY, headers={"Idempotency-Key": ""}),
    HOLD.row("a long key", BAD_KEY, headers={"Idempotency-Key": "x" * 129}),
    HOLD.row("a key with a space", BAD_KEY, headers={"Idempotency-Key": "my key"}),
    HOLD.row("a key of other letters", BAD_KEY, headers={"Idempotency-Key": "\xe9" * 20}),
    RELEASE.row("no id", NOT_HERE, path={"hold_id": "hold-1"}),
    RELEASE.row("a short visitor id", BAD_VISITOR, headers={"X-Visitor-Id": "x"}),
    # Bookings
    BOOK.row("nobody of that name", NO_PROVIDER, path={"username": "nobody-of-that-name"}),
    BOOK.row(
        "nothing at all",
        invalid(dict.fromkeys(("service", "mode", "start", "client"), words.NEEDED)),
        json={},
    ),
    BOOK.row("a list for the client", invalid({"client": words.AN_OBJECT}), body={"client": []}),
    BOOK.row(
        "an empty client",
        invalid(dict.fromkeys(("client.name", "client.email", "client.timezone"), words.NEEDED)),
        body={"client": {}},
    ),
    BOOK.row("an unknown field", invalid({"vip": words.NO_FIELD}), body={"vip": True}),
    client("an unknown field of the client", "title", "Dr.", words.NO_FIELD),
    BOOK.row(
        "an unknown field with a null byte", invalid({"?": words.NO_FIELD}), body={"a\0b": True}
    ),
    BOOK.row("an unknown field, endless", invalid({"?": words.NO_FIELD}), body={"x" * 9000: True}),
    name("none", ""),
    name("blank", " \u00a0\u2003 "),
    name("a null byte", "Ada\0Byron"),
    name("two lines", "Ada\r\nBcc: all@client.example"),
    name("an escape", "\x1b[2JAda"),
    name("too long", "x" * 201, words.longest(200)),
    name("a number", 5, words.A_TEXT),
    name("null", None, words.A_TEXT),
    name("a list", ["Ada"], words.A_TEXT),
    name("an object", {"first": "Ada"}, words.A_TEXT),
    name("true", True, words.A_TEXT),
    email("no at", "ada.client.example"),
    email("two of them", "ada@client.example, eve@client.example"),
    email("no dot", "ada@localhost"),
    email("a line more", "ada@client.example\r\nBcc: all@client.example"),
    email("a null byte", "ada\0@client.example"),
    email("a name besides", "Ada <ada@client.example>"),
    email("too long", f"ada@{'x' * 250}.example", words.longest(254)),
    email("a number", 7, words.A_TEXT),
    email("two dots", "ada..byron@client.example", NO_EMAIL),
    email("no host", "ada@.example"),
    email("a hyphen first", "ada@-client.example", NO_EMAIL),
    email("no letters of any language", "ada@xn--zzzzzz--.example", NO_EMAIL),
    email("an address instead of a host", "ada@[127.0.0.1].", NO_EMAIL),
    email("a local part of 65", f"{'x' * 65}@client.example", NO_EMAIL),
    email("letters of another language", "jörg@client.example", ASCII),
    email("another alphabet", "анна@client.example", ASCII),
    phone("letters", "call me", NO_PHONE),
    phone("too long for the field", "+" + "1" * 70, words.longest(60)),
    phone("too long", "+" + "1" * 40, LONG_PHONE),
    phone("no such number", "+1 111 555 0100", NO_SUCH_PHONE),
    phone("two lines", "+1 212\n555 0100", words.A_LINE),
    phone("a number", 12125550100, words.A_TEXT),
    phone("too short for any country", "+1 23456", SHORT_PHONE),
    phone("a country that there is not", "+999 123456789", NO_COUNTRY_CODE),
    client("locale: an underscore", "locale", "en_US", "Use a language tag, such as en-US."),
    client("locale: markup", "locale", "en-&", "Use a language tag, such as en-US."),
    zone("on Mars", "Mars/Olympus"),
    zone("a path", "../../etc/passwd"),
    zone("none", ""),
    client("zone: a number", "timezone", 1, words.A_TEXT),
    BOOK.row("a note with a null byte", invalid({"note": words.NO_CONTROLS}), body={"note": "a\0"}),
    BOOK.row("a long note", invalid({"note": words.longest(4000)}), body={"note": "\u00e9" * 4001}),
    BOOK.row("a note that is a list", invalid({"note": words.A_TEXT}), body={"note": ["a"]}),
    BOOK.row("a hold that is no id", invalid({"hold": words.AN_ID}), body={"hold": "hold-1"}),
    BOOK.row(
        "an id in capitals", invalid({"hold": words.AN_ID}), body={"hold": NOBODY.replace("0", "A")}
    ),
    BOOK.row("no offset", invalid({"start": words.AN_INSTANT}), body={"start": "<naive>"}),
    BOOK.row("taken", TAKEN, body={"start": "<taken>"}),
    BOOK.row("off the grid", rule("OFF_GRID", OFF_GRID), body={"start": "<off_grid>"}),
    BOOK.row(
        "several faults at once",
        invalid({"mode": words.A_MODE, "client.email": words.AN_EMAIL, "note": words.A_TEXT}),
        body={"mode": "video", "client.email": "?", "note": 5},
    ),
    BOOK.row(
        "a used key with other content",
        REUSED,
        json="<reworded>",
        headers={"Idempotency-Key": "<key>", "X-Visitor-Id": "x" * 20},
    ),
    # Lists
    listed("a date that there is not", invalid({"from": words.EITHER}), **{"from": "2027-02-30"}),
    listed("no offset", invalid({"to": words.EITHER}), to="2027-02-01T10:00:00"),
    listed(
        "the end before the beginning",
        refused(400, "RANGE_REVERSED", REVERSED, "to"),
        **{"from": "2027-02-02", "to": "2027-02-01"},
    ),
    listed("a zone on Mars", invalid({"tz": words.A_ZONE}), tz="Mars/Olympus"),
    listed("a provider that is none", invalid({"provider": words.A_SLUG}), provider="A B"),
    listed("nobody of that name", NO_PROVIDER, provider="nobody-of-that-name"),
    listed("a client that is no id", invalid({"client": words.AN_ID}), client="ada"),
    listed(
        "no such status",
        invalid(
            {
                "status[0]": "Must be one of: requested, confirmed, in_progress, completed,"
                " cancelled, declined, expired or no_show."
            }
        ),
        status="maybe",
    ),
    listed(
        "nine statuses",
        invalid({"status": "At most 8 are allowed."}),
        status=["requested"] * 9,
    ),
    listed("none", invalid({"limit": words.at_least(1)}), limit="0"),
    listed("more than a page", invalid({"limit": words.up_to(200)}), limit="201"),
    listed("a garbled cursor", NO_CURSOR, cursor="AAAA"),
    listed("a cursor of another list", NO_CURSOR, cursor="<clients_cursor>"),
    listed("a cursor of other letters", invalid({"cursor": words.A_CURSOR}), cursor="a b"),
    listed("an endless cursor", invalid({"cursor": words.longest(500)}), cursor="A" * 501),
    # One booking
    GET.row("no id", NOT_HERE, path={"booking_id": "booking-1"}),
    GET.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    GET.row("the id of a client", NOT_FOUND, path={"booking_id": "<client_id>"}),
    GET.row("the id of another practice's", NOT_FOUND, path={"booking_id": "<their_booking>"}),
    GET.row("a token that is none", NO_LINK, query={"token": "a\0b"}),
    GET.row("an endless token", NO_LINK, query={"token": "x" * 6000}),
    GET.row("the token of another booking", NOT_FOUND, query={"token": "<other_token>"}),
    GET.row("the token of another practice's", NOT_FOUND, query={"token": "<their_token>"}),
    # Changes of one
    CANCEL.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    CANCEL.row(
        "a reason that is none",
        invalid(
            {
                "reason": "Must be one of: client_request, provider_ill,"
                " provider_unavailable, emergency, booked_by_mistake or other."
            }
        ),
        body={"reason": "weather"},
    ),
    CANCEL.row(
        "a word for true",
        invalid({"tell_client": words.A_BOOLEAN}),
        body={"tell_client": "yes"},
    ),
    CANCEL.row("1 for true", invalid({"tell_client": words.A_BOOLEAN}), body={"tell_client": 1}),
    CANCEL.row(
        "too many words",
        invalid({"reason_text": words.longest(2000)}),
        body={"reason_text": "x" * 2001},
    ),
    CANCEL.row(
        "words with a null byte",
        invalid({"reason_text": words.NO_CONTROLS}),
        body={"reason_text": "\0"},
    ),
    CANCEL.row("a list", invalid({"body": words.AN_OBJECT}), json=[]),
    CANCEL.row(
        "a cancelled booking",
        refused(422, "WRONG_STATUS", "A booking that is canceled can't become canceled."),
        path={"booking_id": "<cancelled>"},
    ),
    CANCEL.row("another practice's", NOT_FOUND, path={"booking_id": "<their_booking>"}),
    CANCEL.row("a long key", BAD_KEY, headers={"Idempotency-Key": "x" * 129}),
    CONFIRM.row(
        "a confirmed booking",
        refused(422, "WRONG_STATUS", "A booking that is confirmed can't become confirmed."),
    ),
    CONFIRM.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    CONFIRM.row("no id", NOT_HERE, path={"booking_id": "%00"}),
    DECLINE.row(
        "a confirmed booking",
        refused(422, "WRONG_STATUS", "A booking that is confirmed can't become declined."),
    ),
    DECLINE.row(
        "too many words",
        invalid({"reason_text": words.longest(2000)}),
        body={"reason_text": "x" * 2001},
    ),
    DECLINE.row("an unknown field", invalid({"why": words.NO_FIELD}), body={"why": "?"}),
    KEEP.row(
        "no cancellation was asked for",
        refused(
            422,
            "NO_CANCELLATION_REQUESTED",
            "The client hasn't requested a cancellation of this booking.",
        ),
    ),
    USE_CONTACT.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    USE_CONTACT.row("no id", NOT_HERE, path={"booking_id": "%00"}),
    KEEP.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    START.row(
        "a cancelled booking",
        refused(422, "WRONG_STATUS", "A booking that is canceled can't become in progress."),
        path={"booking_id": "<cancelled>"},
    ),
    START.row("another practice's", NOT_FOUND, path={"booking_id": "<their_booking>"}),
    COMPLETE.row(
        "a cancelled booking",
        refused(422, "WRONG_STATUS", "A booking that is canceled can't become completed."),
        path={"booking_id": "<cancelled>"},
    ),
    COMPLETE.row("the id of a client", NOT_FOUND, path={"booking_id": "<client_id>"}),
    REOPEN.row(
        "a session that has not begun",
        refused(
            422,
            "WRONG_STATUS",
            "Only a session that is in progress or completed can be reopened."
            " This booking is confirmed.",
        ),
    ),
    REOPEN.row(
        "another version",
        refused(409, "STALE", words.STALE, at="version"),
        body={"version": 2},
    ),
    REOPEN.row("no version", invalid({"version": words.NEEDED}), body={"version": UNSET}),
    REOPEN.row(
        "a version that is text", invalid({"version": words.A_NUMBER}), body={"version": "1"}
    ),
    REOPEN.row("another practice's", NOT_FOUND, path={"booking_id": "<their_booking>"}),
    REOPEN.row("an id of nothing", NOT_FOUND, path={"booking_id": NOBODY}),
    ROOM.row("held in person", NO_ROOM, path={"booking_id": "<in_person>"}),
    ROOM.row("a cancelled booking", NO_ROOM, path={"booking_id": "<cancelled>"}),
    ROOM.row("an id of nothing", NO_ROOM, path={"booking_id": NOBODY}),
    ROOM.row("another practice's", NO_ROOM, path={"booking_id": "<their_booking>"}),
]


@pytest.mark.req("GW-2", "GW-3", "BK-2", "BK-4", "CL-1")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_booking_is_explained(place: Place, databases: Databases, row: Row) -> None:
    check(place, databases, row)
