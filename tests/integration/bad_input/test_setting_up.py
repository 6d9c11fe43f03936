"""Wrong requests for hours, overrides, service types, policies, and rooms."""

from typing import Any

import pytest

from tests.integration.bad_input import words
from tests.integration.bad_input.checking import check
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Place
from tests.integration.bad_input.table import UNSET, Problem, Route, Row, invalid, refused

API = "/api/v1"
NOBODY = "00000000-0000-4000-8000-000000000000"
BLOCK = {"day": 0, "start": "09:00", "end": "17:00"}
TYPE = {"slug": "new", "title": "A new one", "duration_minutes": 50, "modes": ["phone"]}

GET_HOURS = Route("GET", f"{API}/providers/<username>/hours", "owner")
HOURS = Route(
    "PUT",
    f"{API}/providers/<username>/hours",
    "owner",
    json={"version": "<hours_version>", "blocks": [BLOCK]},
)
LIST_OVERRIDES = Route("GET", f"{API}/providers/<username>/overrides", "owner")
OVERRIDE = Route(
    "POST",
    f"{API}/providers/<username>/overrides",
    "owner",
    json={"date": "2027-03-01", "blocks": [{"start": "09:00", "end": "17:00"}]},
)
DROP_OVERRIDE = Route("DELETE", f"{API}/providers/<username>/overrides/<uuid:override_id>", "owner")
LIST_TYPES = Route("GET", f"{API}/service-types", "owner")
ADD_TYPE = Route("POST", f"{API}/service-types", "owner", json=TYPE)
CHANGE_TYPE = Route(
    "PATCH",
    f"{API}/service-types/<uuid:service_type_id>",
    "owner",
    json={"version": 1, "title": "Other"},
)
DROP_TYPE = Route("DELETE", f"{API}/service-types/<uuid:service_type_id>", "owner")
GET_POLICIES = Route("GET", f"{API}/policies", "owner")
POLICIES = Route(
    "PUT", f"{API}/policies", "owner", json={"version": "<policies_version>", "policies": {}}
)
GET_OWN = Route("GET", f"{API}/providers/<username>/policies", "owner")
OWN = Route(
    "PUT",
    f"{API}/providers/<username>/policies",
    "owner",
    json={"version": "<own_version>", "policies": {}},
)
LIST_ROOMS = Route("GET", f"{API}/physical-rooms", "owner")
PRACTICE = Route("GET", f"{API}/practice", "owner")
CHANGE_PRACTICE = Route("PATCH", f"{API}/practice", "owner", json={"name": "Elm Street"})
ADD_ROOM = Route("POST", f"{API}/physical-rooms", "owner", json={"name": "Blue room"})
GET_FEED = Route("GET", f"{API}/providers/<username>/calendar-feed", "owner")
ROTATE_FEED = Route("POST", f"{API}/providers/<username>/calendar-feed/rotate", "owner")

NO_PROVIDER = refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER, at="username")
NO_TYPE = refused(404, "SERVICE_TYPE_NOT_FOUND", "This service type doesn't exist.")
NOT_HERE = refused(404, "NOT_FOUND", words.NOTHING_HERE)
SIGN_IN = refused(401, "UNAUTHENTICATED", words.SIGN_IN)
ELSEWHERE = {"username": "<their_username>"}
NO_TOKEN = {"Authorization": 'Bearer \t{}"'}


def stale(field: str = "version") -> Problem:
    return refused(409, "STALE", words.STALE, at=field)


def block(name: str, expected: Any, **changes: Any) -> Row:
    """Return a week with one wrong block; a text as `expected` is the message for the changed
    field."""
    if isinstance(expected, str):
        expected = invalid({f"blocks[0].{next(iter(changes))}": expected})
    return HOURS.row(name, expected, body={f"blocks[0].{k}": v for k, v in changes.items()})


def week(name: str, reason: str, detail: str, at: str, *blocks: dict[str, Any]) -> Row:
    """Return a week that matches the schema but is refused."""
    return HOURS.row(name, refused(400, reason, detail, at=at), body={"blocks": list(blocks)})


def new_type(name: str, field: str, value: Any, expected: str | Problem) -> Row:
    problem = invalid({field: expected}) if isinstance(expected, str) else expected
    return ADD_TYPE.row(f"{name}: {field}", problem, body={field: value})


def policy(name: str, field: str, value: Any, expected: str) -> Row:
    return POLICIES.row(
        name, invalid({f"policies.{field}": expected}), body={f"policies.{field}": value}
    )


ROWS = [
    # Weekly hours
    GET_HOURS.row("nobody of that name", NO_PROVIDER, path={"username": "nobody-of-that-name"}),
    GET_HOURS.row("another practice's", NO_PROVIDER, path=ELSEWHERE),
    HOURS.row("another practice's", NO_PROVIDER, path=ELSEWHERE),
    HOURS.row(
        "nothing at all", invalid({"version": words.NEEDED, "blocks": words.NEEDED}), json={}
    ),
    HOURS.row("an older version", stale(), body={"version": 1}),
    HOURS.row("a version of the future", stale(), body={"version": 2**53}),
    HOURS.row("a negative version", invalid({"version": words.at_least(0)}), body={"version": -1}),
    HOURS.row(
        "a version beyond all", invalid({"version": words.up_to(2**53)}), body={"version": 2**64}
    ),
    HOURS.row(
        "a text for the version", invalid({"version": words.A_NUMBER}), body={"version": "1"}
    ),
    HOURS.row("a fraction", invalid({"version": words.A_NUMBER}), body={"version": 1.5}),
    HOURS.row("true for the version", invalid({"version": words.A_NUMBER}), body={"version": True}),
    HOURS.row("null for the blocks", invalid({"blocks": words.A_LIST}), body={"blocks": None}),
    HOURS.row("an object for the blocks", invalid({"blocks": words.A_LIST}), body={"blocks": {}}),
    HOURS.row(
        "more blocks than a week has",
        invalid({"blocks": "At most 105 are allowed."}),
        body={"blocks": [BLOCK] * 106},
    ),
    HOURS.row(
        "a text for a block", invalid({"blocks[0]": words.AN_OBJECT}), body={"blocks": ["09-17"]}
    ),
    block("day 7", words.up_to(6), day=7),
    block("day -1", words.at_least(0), day=-1),
    block("a day's name", words.A_NUMBER, day="monday"),
    block("false for Monday", words.A_NUMBER, day=False),
    block("half a day", words.A_NUMBER, day=0.5),
    block("infinity", words.A_NUMBER, day=float("inf")),
    block("no number", words.A_NUMBER, day=float("nan")),
    block("a start at 24:00", words.A_START, start="24:00"),
    block("a start without a zero", words.A_START, start="9:00"),
    block("a start with seconds", words.A_START, start="09:00:00"),
    block("a start at 9 PM", words.A_START, start="9 PM"),
    block("a start as a number", words.A_TEXT, start=9),
    block("an end at 24:01", words.AN_END, end="24:01"),
    block("an end at 17:60", words.AN_END, end="17:60"),
    block("digits of another script", words.AN_END, end="\u0661\u0667:\u0660\u0660"),
    block("a null byte", words.AN_END, end="17:00\0"),
    block("a word for true", words.A_BOOLEAN, online="yes"),
    block("no such mode", invalid({"blocks[0].modes[0]": words.A_MODE}), modes=["video"]),
    block("too many modes", "At most 3 are allowed.", modes=["phone"] * 4),
    block("a text for the modes", words.A_LIST, modes="phone"),
    block("a place that is no id", words.AN_ID, place="Blue room"),
    block("an unknown field", words.NO_FIELD, room="x"),
    block(
        "a place that is not there",
        refused(
            400,
            "UNKNOWN_ROOM",
            "The practice has no physical room with this id.",
            "blocks[0].place",
        ),
        place=NOBODY,
    ),
    block(
        "another practice's place",
        refused(
            400,
            "UNKNOWN_ROOM",
            "The practice has no physical room with this id.",
            "blocks[0].place",
        ),
        place="<their_room>",
    ),
    week(
        "an end before its start",
        "END_NOT_AFTER_START",
        "Monday, block 1: the end of 17:00 to 09:00 is not after its start."
        " A block cannot cross midnight: end it at 24:00, and start one at 00:00 the next day.",
        "blocks[0].end",
        {"day": 0, "start": "17:00", "end": "09:00"},
    ),
    week(
        "an empty block",
        "END_NOT_AFTER_START",
        "Sunday, block 1: the end of 09:00 to 09:00 is not after its start.",
        "blocks[0].end",
        {"day": 6, "start": "09:00", "end": "09:00"},
    ),
    week(
        "blocks that overlap",
        "BLOCKS_OVERLAP",
        "Tuesday, block 2: 11:59 to 13:00 overlaps 09:00 to 12:00 (Tuesday, block 1).",
        "blocks[2].start",
        {"day": 0, "start": "09:00", "end": "12:00"},
        {"day": 1, "start": "09:00", "end": "12:00"},
        {"day": 1, "start": "11:59", "end": "13:00"},
    ),
    week(
        "a block twice",
        "BLOCKS_OVERLAP",
        "Monday, block 2: 09:00 to 17:00 overlaps 09:00 to 17:00 (Monday, block 1).",
        "blocks[1].start",
        BLOCK,
        BLOCK,
    ),
    week(
        "16 blocks on a day",
        "TOO_MANY_BLOCKS",
        "Monday, block 16: a day has at most 15 blocks.",
        "blocks[15]",
        *({"day": 0, "start": f"{n:02}:00", "end": f"{n:02}:30"} for n in range(16)),
    ),
    # Overrides
    LIST_OVERRIDES.row(
        "a date that there is not", invalid({"from": words.A_DATE}), query={"from": "2027-02-29"}
    ),
    LIST_OVERRIDES.row("another practice's", NO_PROVIDER, path=ELSEWHERE),
    OVERRIDE.row("nobody of that name", NO_PROVIDER, path={"username": "nobody-of-that-name"}),
    OVERRIDE.row(
        "a date that there is not", invalid({"date": words.A_DATE}), body={"date": "2027-04-31"}
    ),
    OVERRIDE.row("the year 2100", invalid({"date": words.A_DATE}), body={"date": "2100-01-01"}),
    OVERRIDE.row(
        "an instant", invalid({"date": words.A_DATE}), body={"date": "2027-03-01T00:00:00Z"}
    ),
    OVERRIDE.row("no blocks named", invalid({"blocks": words.NEEDED}), body={"blocks": UNSET}),
    OVERRIDE.row(
        "more blocks than a day has",
        invalid({"blocks": "At most 15 are allowed."}),
        body={"blocks": [{"start": "09:00", "end": "17:00"}] * 16},
    ),
    OVERRIDE.row(
        "a weekday", invalid({"blocks[0].day": words.NO_FIELD}), body={"blocks[0].day": 0}
    ),
    OVERRIDE.row(
        "blocks that overlap",
        refused(
            400,
            "BLOCKS_OVERLAP",
            "2027-03-01, block 2: 10:00 to 11:00 overlaps 09:00 to 17:00 (2027-03-01, block 1).",
            "blocks[1].start",
        ),
        body={"blocks": [{"start": "09:00", "end": "17:00"}, {"start": "10:00", "end": "11:00"}]},
    ),
    OVERRIDE.row(
        "another practice's place",
        refused(
            400,
            "UNKNOWN_ROOM",
            "The practice has no physical room with this id.",
            "blocks[0].place",
        ),
        body={"blocks[0].place": "<their_room>"},
    ),
    DROP_OVERRIDE.row("no id", NOT_HERE, path={"override_id": "x"}),
    DROP_OVERRIDE.row(
        "an id of nothing",
        refused(404, "OVERRIDE_NOT_FOUND", "This override doesn't exist."),
        path={"override_id": NOBODY},
    ),
    DROP_OVERRIDE.row("with another practice's", NO_PROVIDER, path=ELSEWHERE),
    DROP_OVERRIDE.row(
        "with another provider",
        refused(404, "OVERRIDE_NOT_FOUND", "This override doesn't exist."),
        path={"username": "<limited>"},
    ),
    # Service types
    LIST_TYPES.row("a token that is none", SIGN_IN, headers=NO_TOKEN),
    ADD_TYPE.row(
        "nothing at all",
        invalid(dict.fromkeys(("slug", "title", "duration_minutes", "modes"), words.NEEDED)),
        json={},
    ),
    new_type("capitals", "slug", "New", words.A_SLUG),
    new_type("a path", "slug", "../new", words.A_SLUG),
    new_type("too long", "slug", "x" * 61, words.A_SLUG),
    new_type("blank", "title", " ", words.A_LINE),
    new_type("a null byte", "title", "New\0", words.A_LINE),
    new_type("too long", "title", "x" * 201, words.longest(200)),
    new_type("none", "duration_minutes", 0, words.at_least(5)),
    new_type("negative", "duration_minutes", -50, words.at_least(5)),
    new_type("too long", "duration_minutes", 481, words.up_to(480)),
    new_type("huge", "duration_minutes", 10**400, words.up_to(480)),
    new_type("a text", "duration_minutes", "50", words.A_NUMBER),
    new_type("true", "duration_minutes", True, words.A_NUMBER),
    new_type("a fraction", "duration_minutes", 50.5, words.A_NUMBER),
    new_type("none", "modes", [], "At least 1 is required."),
    new_type("too many", "modes", ["phone"] * 4, "At most 3 are allowed."),
    new_type("a small step", "step_minutes", 4, words.at_least(5)),
    new_type("negative", "buffer_before_minutes", -1, words.at_least(0)),
    new_type("too long", "buffer_after_minutes", 241, words.up_to(240)),
    new_type("too long", "code", "x" * 61, words.longest(60)),
    new_type("too long", "description", "x" * 4001, words.longest(4000)),
    new_type("an escape", "description", "\x1b[0m", words.NO_CONTROLS),
    new_type("a word", "active", "true", words.A_BOOLEAN),
    new_type("unknown", "colour", "blue", words.NO_FIELD),
    new_type("a bare number", "price", 150, words.AN_OBJECT),
    new_type("no amount", "price", {}, invalid({"price.minor_units": words.NEEDED})),
    new_type(
        "negative", "price", {"minor_units": -1}, invalid({"price.minor_units": words.at_least(0)})
    ),
    new_type(
        "beyond 64 bits",
        "price",
        {"minor_units": 2**63},
        invalid({"price.minor_units": words.up_to(10**12)}),
    ),
    new_type(
        "a fraction of a cent",
        "price",
        {"minor_units": 0.5},
        invalid({"price.minor_units": words.A_NUMBER}),
    ),
    new_type(
        "a sign",
        "price",
        {"minor_units": 1, "currency": "$"},
        invalid({"price.currency": words.A_CURRENCY}),
    ),
    new_type(
        "another currency",
        "price",
        {"minor_units": 1, "currency": "EUR"},
        refused(422, "CURRENCY_DIFFERS", "Amounts must be in USD.", "price.currency"),
    ),
    new_type(
        "another currency",
        "no_show_fee",
        {"amount": {"minor_units": 1, "currency": "EUR"}},
        refused(422, "CURRENCY_DIFFERS", "Amounts must be in USD.", "no_show_fee.amount.currency"),
    ),
    new_type(
        "no such mode",
        "late_cancellation_fee",
        {"by_mode": {"video": {"minor_units": 1}}},
        invalid({"late_cancellation_fee.by_mode.video": words.A_MODE}),
    ),
    new_type(
        "in use",
        "slug",
        "session",
        refused(409, "SLUG_TAKEN", "A service type with this slug already exists.", "slug"),
    ),
    CHANGE_TYPE.row("no version", invalid({"version": words.NEEDED}), body={"version": UNSET}),
    CHANGE_TYPE.row("a version of the future", stale(), body={"version": 99}),
    CHANGE_TYPE.row(
        "no field",
        invalid({"body": "Include at least one field to change."}),
        body={"title": UNSET},
    ),
    CHANGE_TYPE.row("null for the title", invalid({"title": words.A_TEXT}), body={"title": None}),
    CHANGE_TYPE.row("no modes", invalid({"modes": "At least 1 is required."}), body={"modes": []}),
    CHANGE_TYPE.row("the id as a field", invalid({"id": words.NO_FIELD}), body={"id": NOBODY}),
    CHANGE_TYPE.row("an id of nothing", NO_TYPE, path={"service_type_id": NOBODY}),
    CHANGE_TYPE.row("another practice's", NO_TYPE, path={"service_type_id": "<their_type>"}),
    CHANGE_TYPE.row("the slug", invalid({"slug": words.NO_FIELD}), body={"slug": "other"}),
    DROP_TYPE.row("no id", NOT_HERE, path={"service_type_id": "session"}),
    DROP_TYPE.row("an id of nothing", NO_TYPE, path={"service_type_id": NOBODY}),
    DROP_TYPE.row("another practice's", NO_TYPE, path={"service_type_id": "<their_type>"}),
    DROP_TYPE.row("the id of a room", NO_TYPE, path={"service_type_id": "<room_id>"}),
    # Policies
    GET_POLICIES.row("a token that is none", SIGN_IN, headers=NO_TOKEN),
    POLICIES.row("an older version", stale(), body={"version": 0}),
    POLICIES.row(
        "nothing at all", invalid({"version": words.NEEDED, "policies": words.NEEDED}), json={}
    ),
    POLICIES.row("a list", invalid({"policies": words.AN_OBJECT}), body={"policies": []}),
    policy("negative notice", "minimum_notice_minutes", -1, words.at_least(0)),
    policy("notice of more than a year", "minimum_notice_minutes", 525_601, words.up_to(525_600)),
    policy("notice as a text", "minimum_notice_minutes", "30", words.A_NUMBER),
    policy("notice as a truth", "minimum_notice_minutes", True, words.A_NUMBER),
    policy("an advance of ages", "maximum_advance_days", 3661, words.up_to(3660)),
    policy("a hold of no time", "hold_minutes", 0, words.at_least(1)),
    policy("a hold of ages", "hold_minutes", 61, words.up_to(60)),
    policy("late a month before", "late_cancellation_minutes", 43_201, words.up_to(43_200)),
    policy(
        "no such confirmation",
        "confirmation",
        "maybe",
        "Must be one of: instant or approval.",
    ),
    policy(
        "no such cancellation",
        "client_cancellation",
        True,
        "Must be one of: allowed, approval or not_allowed.",
    ),
    policy("a word for true", "clients_may_schedule", "yes", words.A_BOOLEAN),
    policy("an unknown policy", "open_on_sundays", True, words.NO_FIELD),
    GET_OWN.row("another practice's", NO_PROVIDER, path=ELSEWHERE),
    OWN.row("an older version", stale(), body={"version": 0}),
    OWN.row("another practice's", NO_PROVIDER, path=ELSEWHERE),
    OWN.row(
        "an amount beyond 64 bits",
        invalid({"policies.hold_minutes": words.up_to(60)}),
        body={"policies.hold_minutes": 2**63},
    ),
    # Rooms and feeds
    LIST_ROOMS.row("a token that is none", SIGN_IN, headers=NO_TOKEN),
    PRACTICE.row("a token that is none", SIGN_IN, headers=NO_TOKEN),
    CHANGE_PRACTICE.row("a blank name", invalid({"name": words.A_LINE}), body={"name": " "}),
    CHANGE_PRACTICE.row("a number", invalid({"name": words.A_TEXT}), body={"name": 5}),
    CHANGE_PRACTICE.row("an unknown field", invalid({"fax": words.NO_FIELD}), body={"fax": "1"}),
    CHANGE_PRACTICE.row(
        "a country that there is not",
        refused(
            400,
            "UNKNOWN_COUNTRY",
            "Must be a country's two capital letters (ISO 3166-1), such as US.",
            "country",
        ),
        body={"country": "XX"},
    ),
    CHANGE_PRACTICE.row(
        "a phone that is too short",
        refused(400, "PHONE_TOO_SHORT", words.SHORT_PHONE, "phone"),
        body={"phone": "555-0100"},
    ),
    CHANGE_PRACTICE.row(
        "an email that is none",
        refused(400, "INVALID_EMAIL", words.NO_EMAIL, "email"),
        body={"email": "desk"},
    ),
    CHANGE_PRACTICE.row(
        "a website that runs a script",
        refused(
            400,
            "INVALID_WEBSITE",
            "Enter a website address, such as https://example.com.",
            "website",
        ),
        body={"website": "javascript:alert(1)"},
    ),
    ADD_ROOM.row("no name", invalid({"name": words.NEEDED}), body={"name": UNSET}),
    ADD_ROOM.row("a blank name", invalid({"name": words.A_LINE}), body={"name": "\t"}),
    ADD_ROOM.row(
        "a long address", invalid({"address": words.longest(200)}), body={"address": "x" * 201}
    ),
    ADD_ROOM.row("two lines", invalid({"address": words.A_LINE}), body={"address": "1 Road\nTown"}),
    GET_FEED.row("nobody of that name", NO_PROVIDER, path={"username": "nobody-of-that-name"}),
    GET_FEED.row(
        "another practice's",
        refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER),
        path=ELSEWHERE,
    ),
    ROTATE_FEED.row("nobody of that name", NO_PROVIDER, path={"username": "%00"}),
    ROTATE_FEED.row(
        "another practice's",
        refused(404, "PROVIDER_NOT_FOUND", words.NO_PROVIDER),
        path=ELSEWHERE,
    ),
]


@pytest.mark.req("GW-2", "AV-1", "AV-4", "AV-6", "AV-11", "AV-15")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_set_up_is_explained(place: Place, databases: Databases, row: Row) -> None:
    check(place, databases, row)
