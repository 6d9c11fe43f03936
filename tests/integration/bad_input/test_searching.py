"""Wrong requests for profiles and free slots."""

import pytest

from tests.integration.bad_input import words
from tests.integration.bad_input.checking import check
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place
from tests.integration.bad_input.table import UNSET, Route, Row, invalid, refused

API = "/api/v1"
WHAT = {"service": "session", "mode": "telehealth"}
PROFILE = Route("GET", f"{API}/providers/<username>")
SLOTS = Route("GET", f"{API}/providers/<username>/slots", query={**WHAT, "tz": "<zone>"})
NEXT = Route("GET", f"{API}/providers/<username>/slots/next", query=WHAT)
DAYS = Route("GET", f"{API}/providers/<username>/days", query=WHAT)

NO_PROVIDER = refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER, at="username")
NOT_HERE = refused(404, "NOT_FOUND", words.NOTHING_HERE)
NO_TYPE = refused(404, "SERVICE_TYPE_NOT_FOUND", "This service type doesn't exist.", at="service")


def nobody(name: str, username: str) -> Row:
    return PROFILE.row(name, NO_PROVIDER, path={"username": username})


def zone(name: str, tz: str) -> Row:
    return SLOTS.row(name, invalid({"tz": words.A_ZONE}), query={"tz": tz})


def day(name: str, text: str) -> Row:
    return SLOTS.row(name, invalid({"from": words.A_DATE}), query={"from": text})


def count(name: str, text: str, words_: str) -> Row:
    return NEXT.row(name, invalid({"count": words_}), query={"count": text})


ROWS = [
    nobody("nobody of that name", "nobody-of-that-name"),
    nobody("capitals", "NOBODY"),
    nobody("a null byte", "a%00b"),
    nobody("no UTF-8", "%ff%fe"),
    nobody("an emoji", "\U0001f642"),
    nobody("a very long name", "x" * 4000),
    nobody("a statement", "x' OR '1'='1"),
    nobody("two dots", "%2e%2e"),
    PROFILE.row("a path to elsewhere", NOT_HERE, path={"username": "..%2f..%2fetc%2fpasswd"}),
    SLOTS.row(
        "neither service nor mode",
        invalid({"service": words.NEEDED, "mode": words.NEEDED}),
        query={"service": UNSET, "mode": UNSET},
    ),
    SLOTS.row("a service of that name is not there", NO_TYPE, query={"service": "nothing"}),
    SLOTS.row(
        "a service that is none", invalid({"service": words.A_SLUG}), query={"service": "A B"}
    ),
    SLOTS.row("no service", invalid({"service": words.A_SLUG}), query={"service": ""}),
    SLOTS.row("a long service", invalid({"service": words.A_SLUG}), query={"service": "x" * 61}),
    SLOTS.row("a null byte in it", invalid({"service": words.A_SLUG}), query={"service": "a\0"}),
    SLOTS.row(
        "a service out of use",
        refused(422, "TYPE_INACTIVE", "The service type is inactive.", at="service"),
        query={"service": "closed", "mode": "phone"},
    ),
    SLOTS.row(
        "a service that clients cannot book",
        refused(422, "TYPE_NOT_ONLINE", "This service type can't be booked online.", at="service"),
        query={"service": "inside", "mode": "phone"},
    ),
    SLOTS.row("no such mode", invalid({"mode": words.A_MODE}), query={"mode": "MODE_PHONE"}),
    SLOTS.row(
        "a mode that the service does not have",
        refused(
            400,
            "MODE_NOT_OFFERED",
            "The service type isn't offered in the mode telehealth.",
            at="mode",
        ),
        query={"service": "talk"},
    ),
    zone("a zone on Mars", "Mars/Olympus"),
    zone("a path instead of a zone", "../etc/passwd"),
    zone("the machine's own zone", "localtime"),
    zone("no zone", ""),
    zone("a zone with a null byte", "UTC\0"),
    zone("a zone in other capitals", "europe/berlin"),
    zone("a bare offset", "+02:00"),
    day("a date that there is not", "2027-02-30"),
    day("no leap year", "2100-02-29"),
    day("the year 0", "0000-01-01"),
    day("the year 9999", "9999-12-31"),
    day("the year 2100", "2100-01-01"),
    day("the year 1999", "1999-12-31"),
    day("a date without hyphens", "20270101"),
    day("a short date", "2027-1-1"),
    day("a date with a time", "2027-01-01T00:00"),
    day("digits that are not ours", "\u0662\u0660\u0662\u0667-01-01"),
    day("a date and a space", "2027-01-01 "),
    day("a date and a line", "2027-01-01\n"),
    SLOTS.row(
        "two wrong dates",
        invalid({"from": words.A_DATE, "to": words.A_DATE}),
        query={"from": "today", "to": "tomorrow"},
    ),
    SLOTS.row(
        "the end before the beginning",
        refused(400, "RANGE_REVERSED", "The end is before the start.", at="to"),
        query={"from": "2027-03-02", "to": "2027-03-01"},
    ),
    SLOTS.row(
        "93 dates",
        refused(400, "RANGE_TOO_LONG", "A search can cover at most 92 dates.", at="to"),
        query={"from": "2027-01-01", "to": "2027-04-03"},
    ),
    SLOTS.row(
        "a reversed range with nobody",
        NO_PROVIDER,
        path={"username": "nobody-of-that-name"},
        query={"from": "2027-03-02", "to": "2027-03-01"},
    ),
    SLOTS.row("no revision", invalid({"revision": words.A_REVISION}), query={"revision": "new"}),
    SLOTS.row(
        "a revision of 16 digits",
        invalid({"revision": words.A_REVISION}),
        query={"revision": "9" * 16},
    ),
    SLOTS.row(
        "a revision that there never was",
        refused(400, "UNKNOWN_REVISION", "This revision doesn't exist.", at="revision"),
        query={"revision": "9" * 15},
    ),
    count("none", "0", words.at_least(1)),
    count("too many", "51", words.up_to(50)),
    count("fewer than none", "-1", words.at_least(1)),
    count("a fraction", "1.5", words.A_NUMBER),
    count("a word", "five", words.A_NUMBER),
    count("a huge number", "9" * 400, words.A_NUMBER),
    count("nothing", "", words.A_NUMBER),
    count("infinity", "inf", words.A_NUMBER),
    count("digits of another script", "\u0665", words.A_NUMBER),
    DAYS.row("a 13th month", invalid({"month": words.A_MONTH}), query={"month": "2027-13"}),
    DAYS.row("no month", invalid({"month": words.A_MONTH}), query={"month": "2027-00"}),
    DAYS.row("a month of 2100", invalid({"month": words.A_MONTH}), query={"month": "2100-01"}),
    DAYS.row("a whole date", invalid({"month": words.A_MONTH}), query={"month": "2027-01-01"}),
    DAYS.row("a zone on Mars", invalid({"tz": words.A_ZONE}), query={"tz": "Mars/Olympus"}),
]


@pytest.mark.req("GW-2", "SL-10", "AV-5")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_search_is_explained(place: Place, databases: Databases, row: Row) -> None:
    check(place, databases, row)
