"""Staff sign in and manage their bookings."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from attune_local.stack import Stack
from attune_testing.builders import PASSWORD
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.world import World

Visit = Callable[..., Visitor]


def sign_in(visitor: Visitor, world: World, onward: str = "/console") -> None:
    """Sign in as the owner, on the page that opens in place of the requested one."""
    page = visitor.page
    page.goto(f"{world.stack.url}{onward}")
    expect(visitor.heading()).to_have_text("Sign in")
    page.locator("#email").fill(f"owner-{world.username}@practice.example")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def status(world: World, booking: dict[str, Any]) -> Any:
    return world.owner.get(f"/bookings/{booking['id']}")["status"]


@pytest.mark.req("BK-10", "GW-9")
def test_requests_come_first_and_are_answered(stack: Stack, visit: Visit, scripts: bool) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    first, second = world.book(world.a_start(3)), world.book(world.a_start(4))
    visitor = visit(DESKTOP if scripts else PHONE, scripts=scripts)
    page = visitor.page
    sign_in(visitor, world)
    expect(page.locator("#waiting")).to_have_text("Needs your response (2)")
    rows = page.locator("section[aria-labelledby=waiting] .row")
    expect(rows).to_have_count(2)
    rows.filter(has_text=first["client"]["name"]).get_by_role("button", name="Confirm").click()
    expect(page.locator(".notice.good")).to_contain_text("Confirmed")
    assert status(world, first) == "confirmed"
    rows.filter(has_text=second["client"]["name"]).get_by_role("link", name="Decline").click()
    page.locator("#words").fill("We are full this month.")
    page.get_by_role("button", name="Decline request").click()
    expect(page.locator("main")).to_contain_text("We are full this month.")
    assert status(world, second) == "declined"
    page.get_by_role("button", name="Sign out").click()
    expect(visitor.heading()).to_have_text("Sign in")
    page.goto(f"{world.stack.url}/console")
    expect(visitor.heading()).to_have_text("Sign in")


@pytest.mark.req("CN-1", "BK-8", "BK-9")
def test_staff_cancel_with_a_reason_and_choose_whether_to_tell(world: World, visit: Visit) -> None:
    booking = world.book()
    visitor = visit(DESKTOP)
    page = visitor.page
    sign_in(visitor, world, f"/console/bookings/{booking['id']}")
    expect(visitor.heading()).to_have_text(booking["client"]["name"])
    expect(page.locator("main")).to_contain_text("Central European Time")
    expect(page.get_by_role("link", name="Your video room link")).to_be_visible()
    page.get_by_role("link", name="Cancel booking").click()
    page.get_by_role("button", name="Cancel booking").click()
    expect(page.locator("#problems")).to_contain_text("Choose a reason.")
    expect(page.locator("#problems")).to_be_focused()
    page.locator("#reason").select_option(label="Provider is ill")
    page.locator("#words").fill("Get well soon to me.")
    page.get_by_label("Email the client").uncheck()
    page.get_by_role("button", name="Cancel booking").click()
    main = page.locator("main")
    expect(main).to_contain_text("Canceled by the practice: Provider is ill")
    expect(main).to_contain_text("Get well soon to me.")
    expect(page.locator(".history")).to_contain_text("Canceled")
    assert status(world, booking) == "cancelled"


@pytest.mark.req("BK-9", "RM-8")
def test_a_session_is_started_and_completed(world: World, visit: Visit) -> None:
    booking = world.book()
    visitor = visit(DESKTOP)
    page = visitor.page
    sign_in(visitor, world, f"/console/bookings/{booking['id']}")
    expect(page.locator("main")).to_contain_text("start this session up to 15 minutes before")
    expect(page.get_by_role("button", name="Start session")).to_have_count(0)
    expect(page.get_by_role("button", name="Complete session")).to_have_count(0)
    world.come(booking)
    page.reload()
    page.get_by_role("button", name="Start session").click()
    expect(page.locator(".badge").first).to_contain_text("In progress")
    page.get_by_role("button", name="Complete session").click()
    expect(page.locator(".badge").first).to_contain_text("Completed")
    assert status(world, booking) == "completed"


@pytest.mark.req("BK-14", "GW-9")
def test_a_click_on_the_wrong_session_is_undone(world: World, visit: Visit) -> None:
    booking = world.book()
    visitor = visit(DESKTOP)
    page = visitor.page
    world.come(booking)
    sign_in(visitor, world, f"/console/bookings/{booking['id']}")
    expect(page.get_by_role("button", name="Undo start")).to_have_count(0)
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("button", name="Undo start")).to_be_visible()
    page.get_by_role("button", name="Complete session").click()
    expect(page.locator("main")).to_contain_text("You can undo this until")
    page.get_by_role("button", name="Reopen session").click()
    expect(page.locator(".badge").first).to_contain_text("In progress")
    expect(page.locator(".history")).to_contain_text("Session reopened")
    page.get_by_role("button", name="Undo start").click()
    expect(page.locator(".badge").first).to_contain_text("Confirmed")
    expect(page.get_by_role("button", name="Undo start")).to_have_count(0)
    assert status(world, booking) == "confirmed"


@pytest.mark.req("BK-9")
def test_what_is_not_allowed_any_more_is_said(world: World, visit: Visit) -> None:
    booking = world.book()
    visitor = visit(DESKTOP)
    page = visitor.page
    world.come(booking)
    sign_in(visitor, world, f"/console/bookings/{booking['id']}")
    world.owner.post(f"/bookings/{booking['id']}/complete")
    page.get_by_role("button", name="Start session").click()
    expect(page.get_by_role("alert")).to_contain_text("can't become in progress")


@pytest.mark.req("GW-13")
def test_another_practices_bookings_do_not_exist(stack: Stack, world: World, visit: Visit) -> None:
    booking = World.make(stack).book()
    visitor = visit(DESKTOP)
    sign_in(visitor, world)
    answer = visitor.page.goto(f"{stack.url}/console/bookings/{booking['id']}")
    assert answer
    assert answer.status == 404


@pytest.mark.req("CS-6")
def test_the_console_gives_the_calendar_feed(world: World, visit: Visit) -> None:
    visitor = visit(DESKTOP)
    sign_in(visitor, world)
    feed = visitor.page.locator("code.copy").inner_text()
    answer = world.public.session.get(feed, timeout=60)
    assert answer.headers["Content-Type"].startswith("text/calendar")


@pytest.mark.req("NT-9")
def test_the_development_mailbox_shows_every_message(
    world: World, visit: Visit, scripts: bool
) -> None:
    body = world.request(world.a_start())
    world.book_as(body)
    world.messages(body["client"]["email"])
    visitor = visit(DESKTOP, scripts=scripts)
    page = visitor.page
    page.goto(f"{world.stack.url}/dev/mailbox?to=nobody")
    expect(page.locator("main")).to_contain_text("No messages yet.")
    page.locator("#to").fill(body["client"]["email"])
    page.get_by_role("button", name="Show").click()
    mail = page.locator("a.mail")
    expect(mail).to_have_count(1)
    expect(mail).to_contain_text(body["client"]["email"])
    mail.click()
    expect(page.locator(".letter-text")).to_contain_text("/manage/")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("Practice")
    with page.expect_download() as download:
        page.get_by_role("link", name=".ics").click()
    assert download.value.suggested_filename.endswith(".ics")


@pytest.mark.req("CL-2", "BK-8")
def test_what_differs_from_the_record_is_shown_and_can_be_taken_over(
    world: World, visit: Visit
) -> None:
    first = world.book(world.a_start(3))
    email = first["client"]["email"]
    body = world.request(world.a_start(4))
    body["client"] |= {"name": "Pedro Souza", "email": email, "phone": "(212) 555-0100"}
    second = world.book_as(body)
    page = (visitor := visit(DESKTOP)).page
    sign_in(visitor, world, f"/console/bookings/{second['id']}")
    expect(visitor.heading()).to_have_text("Pedro Souza")
    client = page.locator("section[aria-labelledby=client]")
    expect(client).to_contain_text("+1 212-555-0100")
    expect(client.locator(".differs")).to_contain_text(first["client"]["name"])
    client.get_by_role("button", name="Update client record").click()
    expect(page.locator(".notice.good")).to_contain_text("updated")
    expect(client.locator(".differs")).to_have_count(0)
    page.goto(f"{world.stack.url}/console/bookings/{first['id']}")
    expect(visitor.heading()).to_have_text(first["client"]["name"])
    expect(client.locator(".differs")).to_contain_text("Pedro Souza")


@pytest.mark.req("GW-9")
def test_owners_say_how_clients_reach_the_practice(world: World, visit: Visit) -> None:
    page = (visitor := visit(PHONE)).page
    sign_in(visitor, world, "/console/practice")
    page.get_by_label("Country").select_option("GB")
    page.get_by_label("Phone").fill("020 7946 0958")
    page.get_by_label("Website").fill("clinic")
    page.get_by_role("button", name="Save details").click()
    expect(page.locator("#website-problem")).to_contain_text("https://example.com")
    expect(page.get_by_label("Phone")).to_have_value("020 7946 0958")
    page.get_by_label("Website").fill("clinic.example")
    page.get_by_role("button", name="Save details").click()
    expect(page.locator(".notice.good")).to_contain_text("saved")
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0958")
    saved = world.owner.get("/practice")
    assert (saved["country"], saved["phone"]) == ("GB", "+442079460958")
    assert saved["website"] == "https://clinic.example"
