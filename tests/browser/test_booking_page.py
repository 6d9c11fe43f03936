"""Booking, from the first page to the confirmation, a conflict, and the cancellation."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from icalendar import Calendar
from playwright.sync_api import expect

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.browser.visitor import DESKTOP, PHONE, Device, Visitor
from tests.world import World

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.req("GW-6")
IDA = {"name": "Ida Lindqvist", "email": "ida@client.example"}
JO = {"name": "Jo Okafor", "email": "jo@client.example", "note": "I come by bus.\nA bit late."}


@pytest.fixture
def shift(clock_file: Path) -> Iterator[Callable[[int], Any]]:
    """A function that moves the clock of all services; at the end it is reset."""
    yield lambda seconds: clock_file.write_text(str(seconds))
    clock_file.write_text("0")


@pytest.mark.req("BK-1", "BK-2", "BK-3", "CN-2", "BK-8", "RM-1")
def test_the_whole_story(
    world: World, visit: Visit, device: Device, scripts: bool, shift: Callable[[int], Any]
) -> None:
    # Jo is on the form, and slow: the hold lapses.
    jo = visit(device, scripts=scripts)
    jo.open_booking(world, tz="Europe/Berlin")
    jo.choose_day()
    start = jo.choose_time()
    jo.fill(**JO)
    expect(jo.page.locator("#hold")).to_contain_text("We're holding this time")
    shift(301)
    day = {"from": start[:10], "to": start[:10], "tz": "UTC"}
    until(
        lambda: world.slots(**day),
        lambda free: datetime.fromisoformat(start) in map(datetime.fromisoformat, free),
    )

    # Ida chooses the same time, and has it.
    ida = visit(device, scripts=scripts)
    ida.open_booking(world, tz="Europe/Berlin")
    ida.choose_day()
    assert ida.choose_time() == start
    local = datetime.fromisoformat(start).astimezone(ZoneInfo("Europe/Berlin"))
    expect(ida.page.locator("#when-date")).to_have_text(f"{local:%A, %B} {local.day}, {local.year}")
    expect(ida.page.locator("#when-zone")).to_contain_text("Central European Time (UTC+")
    ida.fill(**IDA)
    ida.book()
    expect(ida.heading()).to_have_text("Your appointment is confirmed")
    expect(ida.page).to_have_url(re.compile(r"/manage/[^/]+\?new=1$"))
    page = ida.page.locator("main")
    expect(page).to_contain_text("Therapy session")
    expect(page).to_contain_text("$150.00")
    expect(page).to_contain_text("Pat Provider")
    expect(page).to_contain_text("Central European Time")
    expect(page.get_by_role("link", name="Go to video room")).to_be_visible()
    [booking] = world.owner.get("/bookings")["bookings"]
    assert datetime.fromisoformat(booking["start"]) == datetime.fromisoformat(start)
    assert booking["client"]["timezone"] == "Europe/Berlin"

    # Jo is refused, keeps every word, and takes another time.
    jo.book()
    expect(jo.page.get_by_role("alert").first).to_contain_text("This time was just booked.")
    assert jo.typed(*JO) == JO
    expect(jo.page.locator("#book")).to_be_hidden()
    offered = jo.page.locator(".alternatives button")
    expect(offered).to_have_count(6)
    instants = [button.get_attribute("value") for button in offered.all()]
    assert start not in instants
    offered.first.click()
    expect(jo.page.locator(".notice.good")).to_contain_text("We're holding this time for you")
    assert jo.typed(*JO) == JO
    jo.book()
    expect(jo.heading()).to_have_text("Your appointment is confirmed")
    expect(jo.page.locator("main")).to_contain_text("I come by bus.")
    booked = {b["start"] for b in world.owner.get("/bookings")["bookings"]}
    assert {datetime.fromisoformat(b) for b in booked} == {
        datetime.fromisoformat(start),
        datetime.fromisoformat(instants[0] or ""),
    }

    # Ida cancels, after being asked.
    ida.page.get_by_role("link", name="Cancel appointment").click()
    expect(ida.heading()).to_have_text("Cancel your appointment?")
    expect(ida.page.locator("main")).to_contain_text("You can cancel online until")
    ida.page.locator("#reason").fill("I have to travel.")
    ida.page.get_by_role("button", name="Cancel appointment").click()
    expect(ida.heading()).to_have_text("This appointment was canceled")
    expect(ida.page.locator("main")).to_contain_text("I have to travel.")
    assert start in _instants(world, start)


def _instants(world: World, near: str) -> list[str]:
    """Return the free starts on the date of an instant, in UTC."""
    day = datetime.fromisoformat(near).astimezone(ZoneInfo("America/New_York")).date().isoformat()
    found = until(
        lambda: world.slots(None, **{"from": day, "to": day}),
        lambda slots: datetime.fromisoformat(near) in map(datetime.fromisoformat, slots),
    )
    utc = [datetime.fromisoformat(slot).astimezone(ZoneInfo("UTC")) for slot in found]
    return [f"{slot:%Y-%m-%dT%H:%M:%SZ}" for slot in utc]


@pytest.mark.req("BK-1")
def test_where_the_practice_approves_it_is_a_request(
    stack: Stack, visit: Visit, scripts: bool
) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    visitor = visit(DESKTOP, scripts=scripts)
    visitor.open_booking(world)
    visitor.choose_day()
    visitor.choose_time()
    visitor.fill(**IDA)
    visitor.page.get_by_role("button", name="Send request").click()
    expect(visitor.heading()).to_have_text("Your request was sent")
    expect(visitor.page.locator("main")).to_contain_text("until the practice replies by email")
    expect(visitor.page.get_by_role("link", name="Go to video room")).to_have_count(0)
    [booking] = world.owner.get("/bookings")["bookings"]
    assert booking["status"] == "requested"


def test_service_and_mode_are_chosen_first_and_going_back_keeps_them(
    world: World, visit: Visit, scripts: bool
) -> None:
    device = DESKTOP if scripts else PHONE
    intake = {
        "slug": "intake",
        "title": "First conversation",
        "description": "About what brings you here.",
        "duration_minutes": 30,
        "modes": ["in_person", "phone"],
        "online": True,
        "active": True,
        "price": {"minor_units": 8000, "currency": "USD"},
    }
    world.owner.post("/service-types", intake, status=201)
    visitor = visit(device, scripts=scripts)
    page = visitor.page
    visitor.open_booking(world)
    card = page.locator(".service", has_text="First conversation")
    for words in ("30 min", "$80.00", "In person", "By phone", "About what brings you here."):
        expect(card).to_contain_text(words)
    expect(card).not_to_contain_text("Telehealth")
    card.get_by_role("link").click()
    expect(page.locator("#when")).to_be_visible()
    page.locator("[data-mode=phone]").click()
    expect(page.locator("[data-mode=phone]")).to_have_attribute("aria-current", "true")
    visitor.settle()
    visitor.choose_day()
    chosen = page.locator("#day").inner_text()
    visitor.choose_time()
    expect(page.locator("#details")).to_contain_text("By phone")
    page.go_back()
    expect(page.locator("#picker")).to_be_visible()
    visitor.settle()
    expect(page.locator("#day")).to_have_text(chosen)
    expect(page.locator("[data-mode=phone]")).to_have_attribute("aria-current", "true")
    visitor.choose_time(1)
    expect(page.locator("#phone")).to_have_attribute("required", "")
    expect(page.locator("#phone-hint")).to_have_text("The practice will call you at this number.")
    visitor.fill(**{**IDA, "phone": ""})
    visitor.book()
    expect(page.locator("#phone-problem")).to_contain_text("Enter a phone number")
    visitor.fill(phone="(212) 555-0100")
    visitor.book()
    expect(page.locator("main")).to_contain_text("First conversation")
    expect(page.locator("main")).to_contain_text("call you at +1 212-555-0100")
    [booking] = world.owner.get("/bookings")["bookings"]
    assert (booking["service"], booking["mode"]) == ("intake", "phone")


@pytest.mark.req("SL-1")
def test_the_zone_is_detected_and_can_be_changed(world: World, visit: Visit) -> None:
    visitor = visit(DESKTOP, zone="Asia/Kathmandu")
    page = visitor.page
    visitor.open_booking(world)
    expect(page.locator("#zone-words")).to_have_text("Nepal Time (UTC+5:45)")
    visitor.settle()
    _times_are_those_of(visitor, "Asia/Kathmandu")
    visitor.choose_zone("chatham", "Pacific/Chatham")
    expect(page.locator("#zone-words")).to_contain_text("Chatham Time (UTC+1")
    visitor.settle()
    _times_are_those_of(visitor, "Pacific/Chatham")
    expect(page).to_have_url(re.compile("tz=Pacific%2FChatham"))
    page.reload()
    expect(page.locator("#zone-words")).to_contain_text("Chatham Time (UTC+1")
    _times_are_those_of(visitor, "Pacific/Chatham")


def test_without_javascript_the_zone_is_the_providers_and_can_be_changed(
    world: World, visit: Visit
) -> None:
    visitor = visit(DESKTOP, scripts=False, zone="Asia/Kathmandu")
    page = visitor.page
    visitor.open_booking(world)
    expect(page.locator("#zone-words")).to_contain_text("Eastern Time (UTC−")
    _times_are_those_of(visitor, "America/New_York")
    visitor.choose_zone("nepal", "Asia/Kathmandu")
    expect(page.locator("#zone-words")).to_have_text("Nepal Time (UTC+5:45)")
    _times_are_those_of(visitor, "Asia/Kathmandu")
    visitor.choose_day()
    visitor.choose_time()
    visitor.fill(**IDA)
    visitor.book()
    expect(page.locator("main")).to_contain_text("Nepal Time (UTC+5:45)")


def _times_are_those_of(visitor: Visitor, zone: str) -> None:
    for button in visitor.page.locator("button.time").all():
        start = datetime.fromisoformat(button.get_attribute("value") or "")
        shown = re.sub(r"\s", " ", button.inner_text())
        assert shown == start.astimezone(ZoneInfo(zone)).strftime("%-I:%M %p")


def test_dates_and_prices_are_written_as_in_the_readers_region(
    world: World, visit: Visit, scripts: bool
) -> None:
    visitor = visit(DESKTOP, scripts=scripts, locale="de-DE")
    visitor.open_booking(world, tz="Europe/Berlin")
    page = visitor.page
    expect(page.locator("thead th").first).to_contain_text("Monday")
    expect(page.locator(".picked")).to_contain_text("150,00")
    visitor.choose_day()
    assert re.fullmatch(r"\w+, \d+ \w+ \d{4}", page.locator("#day").inner_text())
    assert re.fullmatch(r"\d\d:\d\d", page.locator("button.time").first.inner_text())


def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(
    world: World, visit: Visit, scripts: bool
) -> None:
    device = DESKTOP if scripts else PHONE
    visitor = visit(device, scripts=scripts)
    page = visitor.page
    visitor.open_booking(world)
    visitor.choose_day()
    visitor.choose_time()
    visitor.book()
    problems = page.locator("#problems")
    expect(problems).to_contain_text("Enter your name.")
    expect(problems).to_contain_text("Enter your email address.")
    expect(problems).to_be_focused()
    visitor.fill(name="Ida", email="ida(at)client", phone="0151 1", note="Hello")
    visitor.book()
    expect(problems).to_contain_text("Enter an email address")
    expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#email-problem")).to_contain_text("name@example.com")
    assert visitor.typed("name", "email", "phone", "note") == {
        "name": "Ida",
        "email": "ida(at)client",
        "phone": "0151 1",
        "note": "Hello",
    }
    expect(page.locator("#phone-problem")).to_contain_text("too short")
    problems.get_by_role("link", name="Enter an email address").click()
    expect(page.locator("#email")).to_be_focused()
    visitor.fill(email="ida@client.example")
    visitor.book()
    expect(problems).to_contain_text("too short")
    assert visitor.typed("note") == {"note": "Hello"}
    visitor.fill(phone="+1 212 555 0100")
    visitor.book()
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")


@pytest.mark.req("BK-4")
def test_a_form_that_is_sent_twice_books_once(world: World, visit: Visit) -> None:
    visitor = visit(DESKTOP, scripts=False)
    page = visitor.page
    visitor.open_booking(world)
    visitor.choose_day()
    visitor.choose_time()
    visitor.fill(**IDA)
    form: dict[str, str | float | bool] = {
        field.get_attribute("name") or "": field.input_value()
        for field in page.locator("#form [name]:not(button)").all()
    }
    answers = [
        visitor.context.request.post(page.url.partition("?")[0], form=form, max_redirects=0)
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    visitor.book()
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")
    assert len(world.owner.get("/bookings")["bookings"]) == 1


@pytest.mark.req("BK-3")
def test_a_time_that_somebody_holds_is_not_given_to_the_next(
    world: World, visit: Visit, scripts: bool
) -> None:
    late, first = visit(DESKTOP, scripts=scripts), visit(DESKTOP, scripts=scripts)
    for visitor in (late, first):
        visitor.open_booking(world, tz="Europe/Berlin")
        visitor.choose_day()
    start = first.choose_time()
    late.page.locator(f"button[value='{start}']").click()
    expect(late.page.locator("#problems")).to_contain_text("This time was just booked.")
    expect(late.page.locator("#problems")).to_be_in_viewport()
    expect(late.page.locator("#picker")).to_be_visible()
    expect(late.page.locator(f"button[value='{start}']")).to_have_count(0)
    expect(late.page.locator(".time.lost")).to_have_count(1)


def test_the_appointment_goes_into_the_clients_calendar(world: World, visit: Visit) -> None:
    visitor = visit(DESKTOP)
    visitor.open_booking(world)
    visitor.choose_day()
    start = visitor.choose_time()
    visitor.fill(**IDA)
    visitor.book()
    page = visitor.page
    with page.expect_download() as download:
        page.get_by_role("link", name="Calendar file").click()
    calendar: Any = Calendar.from_ical(Path(download.value.path()).read_bytes())
    [event] = calendar.events
    [booking] = world.owner.get("/bookings")["bookings"]
    assert event["UID"] == f"{booking['id']}@attune"
    assert event["DTSTART"].dt == datetime.fromisoformat(start)
    assert "Therapy" not in event["SUMMARY"]
    for name, host in (("Google", "calendar.google.com"), ("Outlook", "outlook.live.com")):
        link = page.get_by_role("link", name=name)
        assert (link.get_attribute("href") or "").startswith(f"https://{host}/")


def test_a_month_without_times_leads_to_the_next_one(
    stack: Stack, visit: Visit, scripts: bool
) -> None:
    world = World.make(stack, minimum_notice_minutes=40 * 24 * 60)
    visitor = visit(DESKTOP, scripts=scripts)
    page = visitor.page
    visitor.open_booking(world, tz="Europe/Berlin")
    visitor.settle()
    first = page.locator("#day").inner_text()
    page.locator("#earlier").click()
    expect(page.locator("#day")).to_contain_text("No open times in")
    assert page.locator("a.day").count() == 0
    page.get_by_role("link", name="Next open time").click()
    expect(page.locator("#day")).to_have_text(first)
    visitor.settle()
    visitor.choose_time(0)


def test_a_provider_without_times_says_so(world: World, visit: Visit, scripts: bool) -> None:
    hours = world.owner.get(f"/providers/{world.username}/hours")
    world.owner.call(
        "PUT",
        f"/providers/{world.username}/hours",
        json={"version": hours["version"], "blocks": []},
    )
    visitor = visit(DESKTOP, scripts=scripts)
    visitor.open_booking(world)
    expect(visitor.page.locator("#times")).to_contain_text("There are no open times right now")


def test_the_page_is_light_enough_for_a_slow_network(world: World, visit: Visit) -> None:
    """At 1.6 Mbit/s and 150 ms round trip: the connection, the page, then its files in parallel.

    The time is computed, not measured, because a busy test machine says nothing about a phone.
    """
    visitor = visit(PHONE, zone="America/New_York")
    visitor.open_booking(world)
    expect(visitor.page.locator("table[role=grid]")).to_be_visible()  # the module has taken over
    sizes = visitor.transferred()
    assert len(sizes) <= 4, sizes
    assert sum(sizes.values()) / 200_000 + 3 * 0.150 < 0.75, sizes


def test_nobody_books_with_a_provider_who_is_not_there(stack: Stack, visit: Visit) -> None:
    visitor = visit(DESKTOP)
    answer = visitor.page.goto(f"{stack.url}/book/nobody-of-that-name")
    assert answer
    assert answer.status == 404
    expect(visitor.heading()).to_have_text("Page not found")


@pytest.mark.req("GW-14")
def test_a_form_from_elsewhere_books_nothing(world: World) -> None:
    form = {"service": "session", "mode": "telehealth", "start": world.a_start(), **IDA}
    answer = requests.post(f"{world.stack.url}/book/{world.username}", data=form, timeout=60)
    assert answer.status_code == 403
    assert 'value="Ida Lindqvist"' in answer.text
    assert world.owner.get("/bookings")["bookings"] == []
