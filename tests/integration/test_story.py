"""A booking from end to end through the API, with real parts only."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.collector import Collector
from tests.world import Http, World, token_of


def attachment(message: dict[str, Any]) -> Any:
    """Return the calendar invite of an email."""
    [invite] = [a for a in message["attachments"] if a["content_type"].startswith("text/calendar")]
    return Calendar.from_ical(invite["text"])


@pytest.mark.req("BK-1", "BK-2", "NT-1", "NT-2", "RM-1", "CN-2", "CN-5", "SL-8", "GW-4")
def test_a_client_books_is_told_and_cancels(world: World) -> None:
    start = world.a_start()
    body = world.request(start)
    booking = world.book_as(body)
    assert booking["status"] == "confirmed"
    assert datetime.fromisoformat(booking["start"]) == datetime.fromisoformat(start)

    assert start not in world.slots(revision=booking["revision"])
    refused = world.public.call(
        "POST", f"/providers/{world.username}/bookings", json=world.request(start)
    )
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["reason"] == "SLOT_TAKEN"
    assert start not in [a["start"] for a in refused.json()["alternatives"]]
    assert len(refused.json()["alternatives"]) > 0

    [message] = world.messages(body["client"]["email"])
    [event] = attachment(message).events
    assert event["DTSTART"].dt == datetime.fromisoformat(start)
    assert booking["manage_url"] in message["text"]
    assert booking["join_url"] in message["text"]
    assert "Therapy session" not in message["subject"]
    local = datetime.fromisoformat(start).astimezone(ZoneInfo("Europe/Berlin"))
    assert f"{local:%-I:%M %p}" in message["text"]
    [to_provider] = world.messages(f"{world.username}@practice.example")
    assert attachment(to_provider).events[0]["UID"] == event["UID"]

    token = token_of(booking["manage_url"])
    cancelled = world.public.post(f"/bookings/{booking['id']}/cancel", params={"token": token})
    assert cancelled["status"] == "cancelled"
    assert start in world.slots(revision=cancelled["revision"])
    last = world.messages(body["client"]["email"], 2)[0]
    calendar = attachment(last)
    assert calendar["METHOD"] == "CANCEL"
    assert calendar.events[0]["UID"] == event["UID"]
    assert calendar.events[0]["SEQUENCE"] > event.get("SEQUENCE", 0)
    assert len(world.messages(f"{world.username}@practice.example", 2)) == 2


@pytest.mark.req("BK-1", "BK-9", "NT-1")
def test_a_request_is_approved_by_the_practice(stack: Stack) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    start = world.a_start()
    body = world.request(start)
    request = world.book_as(body)
    assert request["status"] == "requested"
    assert "join_url" not in request
    assert start not in world.slots(revision=request["revision"])
    confirmed = world.owner.post(f"/bookings/{request['id']}/confirm")
    assert confirmed["status"] == "confirmed"
    again = world.owner.call("POST", f"/bookings/{request['id']}/confirm", json={})
    assert (again.status_code, again.json()["reason"]) == (422, "WRONG_STATUS")
    newest, oldest = world.messages(body["client"]["email"], 2)
    assert oldest["attachments"] == []
    assert attachment(newest)["METHOD"] == "REQUEST"


@pytest.mark.req("BK-1", "CN-5")
def test_a_declined_request_frees_its_time(stack: Stack) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    start = world.a_start()
    request = world.book(start)
    declined = world.owner.post(
        f"/bookings/{request['id']}/decline", {"reason_text": "No places at the moment."}
    )
    assert declined["status"] == "declined"
    assert start in world.slots(revision=declined["revision"])


@pytest.mark.req("BK-3")
def test_a_hold_keeps_others_out_and_turns_into_the_booking(world: World) -> None:
    start = world.a_start()
    wanted = {"service": "session", "mode": "telehealth", "start": start}
    path = f"/providers/{world.username}"
    mine, theirs = Http(world.stack.url), Http(world.stack.url)
    hold = mine.post(f"{path}/holds", wanted, status=201)
    assert theirs.post(f"{path}/holds", wanted, status=409)["reason"] == "SLOT_TAKEN"
    assert start not in world.slots(theirs, revision=hold["revision"])
    body = world.request(start, hold=hold["hold"])
    assert mine.post(f"{path}/bookings", body, status=201)["status"] == "confirmed"


@pytest.mark.req("BK-3", "PF-6")
def test_a_hold_lapses_by_itself(world: World, clock_file: Path) -> None:
    start = world.a_start()
    wanted = {"service": "session", "mode": "telehealth", "start": start}
    world.public.post(f"/providers/{world.username}/holds", wanted, status=201)
    try:
        clock_file.write_text("301")
        until(world.slots, lambda slots: start in slots)
    finally:
        clock_file.write_text("0")


@pytest.mark.req("BL-3", "CL-2", "BK-8")
def test_a_completed_session_can_be_billed(world: World) -> None:
    booking = world.book()
    world.come(booking)
    completed = world.owner.post(f"/bookings/{booking['id']}/complete")
    assert completed["status"] == "completed"
    billables = until(
        lambda: world.owner.get("/billables")["billables"], lambda found: len(found) == 1
    )
    assert billables[0]["booking"] == booking["id"]
    assert billables[0]["amount"] == {"minor_units": 15000, "currency": "USD"}
    until(
        lambda: world.owner.get(f"/bookings/{booking['id']}").get("payment_status"),
        lambda status: status == "due",
    )
    [client] = world.owner.get("/clients")["clients"]
    assert client["status"] == "active"


@pytest.mark.req("CS-6")
def test_the_private_feed_shows_the_bookings(world: World) -> None:
    booking = world.book()
    url = world.owner.get(f"/providers/{world.username}/calendar-feed")["url"]
    feed = world.public.session.get(url, timeout=60)
    assert feed.headers["Content-Type"].startswith("text/calendar")
    calendar: Any = Calendar.from_ical(feed.text)
    [event] = calendar.events
    assert event["DTSTART"].dt == datetime.fromisoformat(booking["start"])
    rotated = world.owner.post(f"/providers/{world.username}/calendar-feed/rotate")["url"]
    assert world.public.session.get(url, timeout=60).status_code == 404
    assert world.public.session.get(rotated, timeout=60).status_code == 200


@pytest.mark.req("AV-2", "AV-4")
def test_new_hours_are_seen_at_once_and_name_the_bookings_outside(world: World) -> None:
    booking = world.book()
    path = f"/providers/{world.username}/hours"
    week = world.owner.get(path)
    weekday = datetime.fromisoformat(booking["start"]).astimezone(ZoneInfo("America/New_York"))
    kept = [b for b in week["blocks"] if b["day"] != weekday.weekday()]
    body = {"version": week["version"], "blocks": kept}
    answer = world.owner.call("PUT", path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["bookings_outside"] == [booking["id"]]
    days = {
        datetime.fromisoformat(s).astimezone(ZoneInfo("America/New_York")).weekday()
        for s in world.slots()
    }
    assert days == set(range(7)) - {weekday.weekday()}
    stale = world.owner.call("PUT", path, json=body)
    assert stale.status_code == 409


@pytest.mark.req("BK-2", "PF-18")
def test_64_clients_for_one_slot_one_wins(world: World) -> None:
    """They compete for it through two booking processes."""
    start = world.a_start()
    bodies = [world.request(start) for _ in range(64)]
    path = f"/providers/{world.username}/bookings"

    def book(body: dict[str, Any]) -> Any:
        return Http(world.stack.url).call("POST", path, json=body)

    with ThreadPoolExecutor(64) as clients:
        answers = list(clients.map(book, bodies))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (1, 63)
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["reason"] == "SLOT_TAKEN"
            assert answer.json()["alternatives"]
    assert len(world.owner.get("/bookings")["bookings"]) == 1


@pytest.mark.req("BK-4", "GW-3")
def test_20_repeats_of_one_key_are_one_booking(world: World) -> None:
    body = world.request(world.a_start())
    path = f"/providers/{world.username}/bookings"
    headers = {"Idempotency-Key": "the-same"}

    def book(_: int) -> Any:
        return Http(world.stack.url).post(path, body, status=201, headers=headers)

    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(book, range(20)))
    assert answers == [answers[0]] * 20
    assert len(world.owner.get("/bookings")["bookings"]) == 1
    other = {**body, "note": "something else"}
    reused = Http(world.stack.url).call("POST", path, json=other, headers=headers)
    assert (reused.status_code, reused.json()["reason"]) == (409, "REQUEST_ID_REUSED")


@pytest.mark.req("BK-4", "GW-3")
def test_a_change_repeated_under_one_key_is_answered_as_the_first_time(stack: Stack) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    booking = world.book()
    path, headers = f"/bookings/{booking['id']}/confirm", {"Idempotency-Key": "the-same"}

    def confirm(_: int) -> Any:
        answer = world.owner.post(path, headers=headers)
        return {**answer, "join_url": ""}  # the room opens meanwhile

    with ThreadPoolExecutor(8) as staff:
        answers = list(staff.map(confirm, range(8)))
    assert answers == [answers[0]] * 8
    assert [change["change"] for change in answers[0]["history"]] == ["requested", "confirmed"]
    other = world.owner.call("POST", path, json={}, headers={"Idempotency-Key": "another"})
    assert (other.status_code, other.json()["reason"]) == (422, "WRONG_STATUS")


@pytest.mark.req("PF-12")
def test_one_trace_from_click_to_email(world: World, collector: Collector) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-00000000000000a1-01"}
    body = world.request(world.a_start())
    path = f"/providers/{world.username}/bookings"
    world.public.post(path, body, status=201, headers=headers)
    caller = bytes.fromhex("00000000000000a1")

    def is_whole(spans: list[tuple[str, Any]]) -> bool:
        """Return whether the email is sent and the parent of every span has arrived."""
        known = {span.span_id for _, span in spans} | {caller}
        sent = any(span.name.startswith("send") for _, span in spans)
        return sent and all(span.parent_span_id in known for _, span in spans)

    edges = {(service, span.name) for service, span in collector.wait_for(trace_id, is_whole)}
    services = {service for service, _ in edges}
    assert services >= {"gateway", "booking", "availability", "notifications", "telehealth-rooms"}
    assert edges >= {
        ("gateway", "POST /api/v1/providers/<username>/bookings"),
        ("gateway", "attune.booking.v1.BookingService/CreateBooking"),
        ("booking", "attune.booking.v1.BookingService/CreateBooking"),
        ("booking", "INSERT"),
        ("availability", "process attune.booking.v1.TakenTimeChanged"),
        ("notifications", "process attune.booking.v1.BookingConfirmed"),
    }
