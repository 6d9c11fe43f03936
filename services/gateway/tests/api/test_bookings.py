"""Holds and bookings, through the whole system."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from attune_testing.waiting import until
from common import ids
from services.gateway.tests.clinic import Api, Practice

NOBODYS = "00000000-0000-4000-8000-000000000000"


def token_of(booking: Any) -> str:
    return str(urlsplit(booking["manage_url"]).path.rpartition("/")[2])


@pytest.fixture
def slots(practice: Practice) -> list[str]:
    """Free starts with the offset of Berlin, far from each other."""
    return practice.slots(tz="Europe/Berlin")[::4]


@pytest.mark.req("GW-4", "BK-1", "BK-8")
def test_booking_answers_with_all_there_is_to_know(practice: Practice, slots: list[str]) -> None:
    wanted = practice.booking(slots[0], note="First time.\nA bit nervous.")
    answer = practice.visitor.send("POST", f"{practice.path}/bookings", wanted)
    booked = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/bookings/{booked['id']}"
    end = datetime.fromisoformat(slots[0]) + timedelta(minutes=50)
    client = booked["client"]
    assert booked == {
        "id": booked["id"],
        "status": "confirmed",
        "start": slots[0],
        "end": end.isoformat(),
        "timezone": "Europe/Berlin",
        "mode": "telehealth",
        "service": "talk",
        "provider": practice.username,
        "client": {**wanted["client"], "id": client["id"]},
        "services": [
            {
                "service": "talk",
                "title": "A talk",
                "code": "",
                "duration_minutes": 50,
                "price": {"minor_units": 15000, "currency": "USD"},
                **{name: value for name, value in booked["services"][0].items() if "fee" in name},
            }
        ],
        "note": "First time.\nA bit nervous.",
        "client_may_cancel": True,
        "cancel_until": booked["cancel_until"],
        "cancellation_requested": False,
        "history": booked["history"],
        "version": 1,
        "revision": booked["revision"],
        "created_at": booked["created_at"],
        "manage_url": booked["manage_url"],
        "join_url": booked["join_url"],
    }
    assert booked["manage_url"].startswith(f"{practice.stack.url}/manage/")
    assert booked["join_url"].startswith(f"{practice.stack.url}/join/")
    assert [(entry["by"], entry["change"]) for entry in booked["history"]] == [
        ("client", "confirmed")
    ]
    assert datetime.fromisoformat(booked["cancel_until"]) == datetime.fromisoformat(
        slots[0]
    ) - timedelta(days=1)


@pytest.mark.req("BK-4", "GW-3")
def test_the_same_request_twice_is_one_booking(practice: Practice, slots: list[str]) -> None:
    key = {"Idempotency-Key": str(ids.new())}
    wanted = practice.booking(slots[1])
    with ThreadPoolExecutor(6) as crowd:
        answers = list(
            crowd.map(
                lambda _: Api(practice.stack.url).post(
                    f"{practice.path}/bookings", wanted, 201, headers=key
                ),
                range(12),
            )
        )
    assert all(answer == answers[0] for answer in answers)
    other = practice.booking(slots[2])
    reused = Api(practice.stack.url).send("POST", f"{practice.path}/bookings", other, headers=key)
    assert (reused.status_code, reused.json()["reason"]) == (409, "REQUEST_ID_REUSED")


@pytest.mark.parametrize("key", ["x" * 129, "ü", "two words"])
def test_an_idempotency_key_is_printable_and_not_too_long(
    practice: Practice, slots: list[str], key: str
) -> None:
    answer = practice.visitor.send(
        "POST",
        f"{practice.path}/bookings",
        practice.booking(slots[1]),
        headers={"Idempotency-Key": key.encode()},
    )
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])


@pytest.mark.req("BK-2", "GW-4")
def test_of_many_who_want_one_slot_one_gets_it_and_the_others_see_free_ones(
    practice: Practice, slots: list[str]
) -> None:
    def book(_: int) -> requests.Response:
        wanted = practice.booking(slots[3])
        return Api(practice.stack.url).send("POST", f"{practice.path}/bookings", wanted)

    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(book, range(32)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (1, 31)
    free = practice.slots(tz="Europe/Berlin")
    for answer in answers:
        if answer.status_code == 409:
            problem = answer.json()
            assert problem["reason"] == "SLOT_TAKEN"
            assert len(problem["alternatives"]) == 6
            assert {slot["start"] for slot in problem["alternatives"]} <= set(free)
            assert set(problem["alternatives"][0]) == {"start", "end"}


@pytest.mark.req("BK-3", "GW-4")
def test_a_hold_keeps_its_slot_for_whoever_holds_it(practice: Practice, slots: list[str]) -> None:
    wanted = {"service": "talk", "mode": "telehealth", "start": slots[4]}
    holder, other = Api(practice.stack.url), Api(practice.stack.url)
    held = holder.post(f"{practice.path}/holds", wanted, 201)
    assert set(held) == {"hold", "expires_at", "start", "end", "revision"}
    assert held["start"] == slots[4]
    assert slots[4] not in practice.slots(tz="Europe/Berlin", revision=held["revision"])
    refused = other.send("POST", f"{practice.path}/holds", wanted)
    assert (refused.status_code, refused.json()["reason"]) == (409, "SLOT_TAKEN")
    stranger = practice.booking(slots[4], hold=held["hold"])
    assert other.send("POST", f"{practice.path}/bookings", stranger).status_code == 409
    holder.post(f"{practice.path}/bookings", practice.booking(slots[4], hold=held["hold"]), 201)


@pytest.mark.req("BK-3")
def test_a_hold_is_let_go_by_its_visitor_alone(practice: Practice, slots: list[str]) -> None:
    wanted = {"service": "talk", "mode": "telehealth", "start": slots[5]}
    mobile = {"X-Visitor-Id": "a-visitor-of-an-app-1"}
    path = f"{practice.path}/holds"
    answer = practice.visitor.post(path, wanted, 201, headers=mobile)
    held, revision = answer["hold"], answer["revision"]
    assert Api(practice.stack.url).send("DELETE", f"{path}/{held}").status_code == 204
    assert slots[5] not in practice.slots(tz="Europe/Berlin", revision=revision)
    assert practice.visitor.send("DELETE", f"{path}/{held}", headers=mobile).status_code == 204
    assert until(lambda: slots[5] in practice.slots(tz="Europe/Berlin"))
    assert practice.visitor.send("DELETE", f"{path}/{held}", headers=mobile).status_code == 204
    bad = practice.visitor.send("POST", path, wanted, headers={"X-Visitor-Id": "short"})
    assert (bad.status_code, list(bad.json()["fields"])) == (400, ["X-Visitor-Id"])


@pytest.mark.req("GW-2", "BK-1")
def test_what_is_wrong_with_a_form_is_named_by_field(practice: Practice, slots: list[str]) -> None:
    def faults(**changes: Any) -> Any:
        wanted = {**practice.booking(slots[6]), **changes}
        answer = practice.visitor.send("POST", f"{practice.path}/bookings", wanted)
        assert answer.status_code == 400, answer.text
        return set(answer.json()["fields"])

    client = practice.booking("")["client"]
    assert faults(start="tomorrow") == {"start"}
    assert faults(start=0) == {"start"}
    assert faults(start=slots[6][:-6]) == {"start"}, "without an offset"
    assert faults(mode="by_post", service="Talk!") == {"mode", "service"}
    assert faults(client={**client, "email": "jane"}) == {"client.email"}
    assert faults(client={**client, "name": "  "}) == {"client.name"}
    assert faults(client={**client, "phone": "12"}) == {"client.phone"}
    assert faults(client={**client, "timezone": "Mars/Olympus"}) == {"client.timezone"}
    assert faults(client={"name": "Jane"}) == {"client.email", "client.timezone"}
    assert faults(note="\x00") == {"note"}
    assert faults(colour="red") == {"colour"}


@pytest.mark.req("SL-7")
def test_a_time_that_is_not_offered_is_refused_with_its_rule(practice: Practice) -> None:
    night = f"{practice.monday()}T03:00:00-04:00"
    answer = practice.visitor.send("POST", f"{practice.path}/bookings", practice.booking(night))
    assert answer.status_code == 422
    assert answer.json()["reason"] == "OUTSIDE_HOURS"


@pytest.mark.req("GW-4", "CL-3", "GW-13")
def test_a_booking_is_shown_to_whoever_may_see_it(
    practice: Practice, slots: list[str], make_practice: Callable[[], Practice]
) -> None:
    booked, other = practice.book(slots[7]), practice.book(slots[8])
    path = f"/bookings/{booked['id']}"

    def status(api: Api, **kwargs: Any) -> int:
        return api.send("GET", path, **kwargs).status_code

    by_link = practice.visitor.get(path, token=token_of(booked))
    assert by_link["manage_url"] == booked["manage_url"]
    assert by_link["start"] == slots[7]
    header = {"Authorization": f"Manage {token_of(booked)}"}
    assert status(practice.visitor, headers=header) == 200
    assert status(practice.visitor) == 401
    assert status(practice.visitor, params={"token": "guessed"}) == 401
    assert status(practice.visitor, params={"token": token_of(other)}) == 404
    assert status(practice.owner) == 200
    assert status(practice.account("clinician", provider_id=practice.provider_id)) == 200
    assert status(practice.account("clinician", provider_id=NOBODYS)) == 404
    assert status(make_practice().owner) == 404
    seen = practice.owner.get(path)
    assert seen["timezone"] == "America/New_York", "staff see the provider's zone"
    assert "manage_url" not in seen, "the client's own"


@pytest.mark.req("CN-1", "CN-2", "CN-5")
def test_client_and_staff_cancel(practice: Practice, slots: list[str]) -> None:
    mine, theirs = practice.book(slots[9]), practice.book(slots[10])
    path = f"/bookings/{mine['id']}/cancel"
    token = token_of(mine)
    cancelled = practice.visitor.post(path, params={"token": token})
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", "client")
    assert slots[9] in practice.slots(tz="Europe/Berlin", revision=cancelled["revision"])
    again = practice.visitor.send("POST", path, params={"token": token})
    assert (again.status_code, again.json()["reason"]) == (422, "WRONG_STATUS")
    cancelled = practice.owner.post(
        f"/bookings/{theirs['id']}/cancel",
        {"reason": "provider_ill", "reason_text": "The flu.", "tell_client": False},
    )
    assert cancelled["cancelled_by"] == "practice"
    assert cancelled["cancellation_reason"] == "provider_ill"
    assert cancelled["reason_text"] == "The flu."
    assert "join_url" not in cancelled


@pytest.mark.req("BK-9", "GW-4")
def test_a_session_is_started_and_completed(practice: Practice, slots: list[str]) -> None:
    booked = practice.book(slots[11], mode="in_person")
    assert booked["address"] == "1 Main Street"
    assert "join_url" not in booked
    path = f"/bookings/{booked['id']}"
    for early in ("start", "complete"):
        refused = practice.owner.send("POST", f"{path}/{early}")
        assert (refused.status_code, refused.json()["reason"]) == (409, "SESSION_TOO_EARLY")
    practice.come(booked)
    assert practice.owner.post(f"{path}/start")["status"] == "in_progress"
    assert practice.owner.post(f"{path}/complete")["status"] == "completed"
    wrong = practice.owner.send("POST", f"{path}/start")
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "WRONG_STATUS")
    link = {"token": token_of(booked)}
    assert practice.visitor.send("POST", f"{path}/start", params=link).status_code == 401
    client = f"/clients/{booked['client']['id']}"
    assert practice.owner.get(client)["status"] == "active"

    def billed() -> Any:
        found = practice.owner.get("/billables", client=booked["client"]["id"])
        return found["billables"]

    assert until(billed)[0] == {
        "id": billed()[0]["id"],
        "booking": booked["id"],
        "client": booked["client"]["id"],
        "provider": practice.provider_id,
        "kind": "session",
        "amount": {"minor_units": 15000, "currency": "USD"},
        "service_time": billed()[0]["service_time"],
    }


@pytest.mark.req("RM-1", "GW-4")
def test_each_side_gets_its_own_way_into_the_room(practice: Practice, slots: list[str]) -> None:
    booked = practice.book(slots[12])
    path = f"/bookings/{booked['id']}/room"
    clients = practice.visitor.get(path, token=token_of(booked))
    staffs = practice.owner.get(path)
    assert clients["join_url"] == booked["join_url"]
    assert staffs["join_url"].startswith(f"{practice.stack.url}/join/")
    assert staffs["join_url"] != clients["join_url"]
    assert clients["opens_at"] < clients["start"] < clients["end"] < clients["closes_at"]
    in_person = practice.book(slots[13], mode="in_person")
    none = practice.owner.send("GET", f"/bookings/{in_person['id']}/room")
    assert none.status_code == 404


@pytest.mark.req("BK-10", "CN-2")
def test_requests_and_cancellations_wait_for_staff(make_practice: Callable[[], Practice]) -> None:
    practice = make_practice()
    version = practice.owner.get("/policies")["version"]
    policies = {"confirmation": "approval", "client_cancellation": "approval"}
    saved = practice.owner.send("PUT", "/policies", {"version": version, "policies": policies})
    assert saved.status_code == 200
    first, second = practice.slots()[0], practice.slots()[8]
    asked, declined = practice.book(first), practice.book(second)
    assert asked["status"] == "requested"
    assert "join_url" not in asked
    assert practice.owner.post(f"/bookings/{asked['id']}/confirm")["status"] == "confirmed"
    done = practice.owner.post(f"/bookings/{declined['id']}/decline", {"reason_text": "Full."})
    assert (done["status"], done["reason_text"]) == ("declined", "Full.")
    link = {"token": token_of(asked)}
    waiting = practice.visitor.post(f"/bookings/{asked['id']}/cancel", params=link)
    assert (waiting["status"], waiting["cancellation_requested"]) == ("confirmed", True)
    kept = practice.owner.post(f"/bookings/{asked['id']}/decline-cancellation")
    assert (kept["status"], kept["cancellation_requested"]) == ("confirmed", False)


@pytest.mark.req("GW-3", "GW-4", "CL-3")
def test_bookings_are_listed_by_start_page_by_page(make_practice: Callable[[], Practice]) -> None:
    practice = make_practice()
    starts = practice.slots()[::5][:5]
    booked = [practice.book(start)["id"] for start in starts]
    practice.owner.post(f"/bookings/{booked[1]}/cancel", {"reason": "other"})

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in practice.owner.get("/bookings", **query)["bookings"]]

    assert listed() == booked
    assert listed(status="cancelled") == [booked[1]]
    assert listed(status=["cancelled", "confirmed"]) == booked
    assert listed(**{"from": starts[2]}) == booked[2:]
    assert listed(**{"from": starts[1], "to": starts[3]}) == booked[1:3]
    monday = practice.monday()
    assert listed(**{"from": monday, "to": monday, "tz": "America/New_York"}) == [
        one for one, start in zip(booked, starts, strict=True) if start.startswith(str(monday))
    ]
    assert listed(provider=practice.username) == booked
    client = practice.owner.get(f"/bookings/{booked[0]}")["client"]["id"]
    assert listed(client=client) == [booked[0]]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = practice.owner.get("/bookings", **query)
        assert len(page["bookings"]) <= 2
        seen += [one["id"] for one in page["bookings"]]
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert seen == booked
    unknown = practice.owner.send("GET", "/bookings", params={"cursor": "garbled"})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (404, ["cursor"])


@pytest.mark.req("GW-4", "CL-1", "CL-2")
def test_clients_are_listed_and_billed_otherwise(make_practice: Callable[[], Practice]) -> None:
    practice = make_practice()
    first, second = practice.slots()[0], practice.slots()[8]
    booked = practice.book(first)
    practice.book(second, client=practice.booking(first)["client"] | {"name": "John Doe"})
    clients = practice.owner.get("/clients", limit=1)
    jane = {**booked["client"], "status": "new", "billing_type": "cash"}
    assert clients["clients"] == [jane]
    rest = practice.owner.get("/clients", cursor=clients["next"])
    assert [client["name"] for client in rest["clients"]] == ["John Doe"]
    path = f"/clients/{booked['client']['id']}"
    changed = practice.owner.send("PATCH", path, {"billing_type": "insurance"})
    assert changed.json() == {**jane, "billing_type": "insurance"}
    assert practice.owner.get(path) == changed.json()
    assert practice.owner.send("PATCH", path, {"billing_type": "barter"}).status_code == 400
    clinician = practice.account("clinician", provider_id=NOBODYS)
    assert clinician.get("/clients")["clients"] == []
    assert make_practice().owner.send("GET", path).status_code == 404


@pytest.mark.req("GW-4", "NT-1")
def test_a_developer_sees_what_was_sent(practice: Practice, slots: list[str]) -> None:
    booked = practice.book(slots[14])
    email = booked["client"]["email"]

    def sent() -> Any:
        return practice.visitor.get("/dev/messages", to=email)

    message = until(sent)[0]
    assert set(message) == {"id", "to", "subject", "text", "html", "attachments", "created_at"}
    assert message["to"] == email
    assert booked["manage_url"] in message["text"]
    invite = message["attachments"][0]
    assert invite["content_type"].startswith("text/calendar")
    assert invite["text"].startswith("BEGIN:VCALENDAR")
    assert practice.owner.get("/notices/failed") == {"notices": []}
    missing = practice.owner.send("POST", f"/notices/{NOBODYS}/resend")
    assert missing.status_code == 404


@pytest.mark.req("CS-6", "GW-4")
def test_a_providers_feed_shows_its_bookings(practice: Practice, slots: list[str]) -> None:
    booked = practice.book(slots[15])
    path = f"{practice.path}/calendar-feed"
    url = practice.owner.get(path)["url"]
    assert practice.owner.get(path)["url"] == url
    answer = requests.get(url, timeout=10)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert booked["id"] in answer.text
    assert "Jane Roe" not in answer.text
    rotated = practice.owner.post(f"{path}/rotate")["url"]
    assert rotated != url
    assert requests.get(url, timeout=10).status_code == 404
    assert requests.get(rotated, timeout=10).status_code == 200
    assert practice.visitor.send("GET", path).status_code == 401


VISITOR = {"X-Visitor-Id": "a-visitor-of-an-app-2"}
ODD = {"Cookie": "attune_visitor=short"}
_late: dict[str, Iterator[str]] = {}
"""The last free starts of a practice, each for one test."""


@pytest.mark.req("BK-3", "BK-4")
@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {}), (ODD, {}), ({}, ODD), (ODD, ODD), (VISITOR, VISITOR), ({}, {"Cookie": ""})],
)
@pytest.mark.parametrize("what", ["holds", "bookings"])
def test_who_keeps_no_cookies_may_repeat_a_request(
    practice: Practice, slots: list[str], what: str, first: dict[str, str], second: dict[str, str]
) -> None:
    url = f"{practice.stack.url}/api/v1{practice.path}/{what}"
    key = {"Idempotency-Key": ids.new().hex}
    # Searches may show for a moment what the test before has taken.
    start = next(_late.setdefault(practice.path, iter(slots[::-1])))
    body = {"service": "talk", "mode": "telehealth", "start": start}
    if what == "bookings":
        body = practice.booking(start, hold=NOBODYS)
    answers = [
        requests.post(url, json=body, headers={**key, **headers}, timeout=60)
        for headers in (first, second)
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[1].text
    assert answers[0].json() == answers[1].json()


@pytest.mark.req("BK-3")
def test_the_cookie_of_a_repeated_hold_owns_it(practice: Practice, slots: list[str]) -> None:
    """The first response was lost, and its cookie with it."""
    path, key = f"{practice.path}/holds", {"Idempotency-Key": ids.new().hex}
    wanted = {"service": "talk", "mode": "telehealth", "start": slots[0]}
    Api(practice.stack.url).post(path, wanted, 201, headers=key)
    browser, stranger = Api(practice.stack.url), Api(practice.stack.url)
    held = browser.post(path, wanted, 201, headers=key)["hold"]
    other_key = {"Idempotency-Key": ids.new().hex}
    assert stranger.send("POST", path, wanted, headers=other_key).status_code == 409
    booked = browser.send(
        "POST", f"{practice.path}/bookings", practice.booking(slots[0], hold=held)
    )
    assert booked.status_code == 201, booked.text
