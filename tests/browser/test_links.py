"""The pages behind the links in emails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from attune_local.stack import Stack
from tests.browser.visitor import DESKTOP, PHONE, REPORTING, Visitor
from tests.world import World

Visit = Callable[..., Visitor]


@pytest.fixture
def at(clock_file: Path) -> Iterator[Callable[[datetime], Any]]:
    """A function that sets the clock of all services; at the end it is reset."""

    def move(instant: datetime) -> None:
        clock_file.write_text(str((instant - datetime.now(UTC)).total_seconds()))

    yield move
    clock_file.write_text("0")


@pytest.mark.req("RM-2")
def test_the_join_page_says_when_it_starts_and_opens_in_time(
    world: World, visit: Visit, scripts: bool, at: Callable[[datetime], Any]
) -> None:
    booking = world.book()
    start = datetime.fromisoformat(booking["start"])
    visitor = visit(DESKTOP if scripts else PHONE, scripts=scripts, zone="Asia/Kathmandu")
    page = visitor.page
    page.goto(booking["join_url"] + ("" if scripts else "?tz=Asia/Kathmandu"))
    expect(visitor.heading()).to_have_text("Your video session")
    expect(page.locator("main")).to_contain_text("Nepal Time (UTC+5:45)")
    expect(page.locator("#countdown")).to_be_visible(visible=scripts)
    assert page.get_by_role("button", name="Join").count() == 0
    at(start)
    page.reload()
    expect(visitor.heading()).to_have_text("Your room is open")
    at(datetime.fromtimestamp(start.timestamp() + 3 * 60 * 60, UTC))
    answer = page.reload()
    assert answer
    assert answer.status == 404
    expect(visitor.heading()).to_have_text("This video room is closed")


@pytest.mark.req("RM-2", "BK-8")
@pytest.mark.parametrize("path", ["/manage/", "/join/", "/manage/x/cancel", "/join/%00%ff"])
def test_a_link_that_is_not_valid_is_met_kindly(stack: Stack, path: str) -> None:
    for token in ("", "guessed", "a" * 500):
        answer = requests.get(f"{stack.url}{path}{token}", timeout=60)
        assert answer.status_code == 404, path
        assert "Page not found" in answer.text


@pytest.mark.req("GW-14")
def test_a_booking_is_kept_by_nobody_on_the_way(world: World) -> None:
    answer = requests.get(world.book()["manage_url"], timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text


@pytest.mark.req("CN-2")
def test_too_late_a_cancellation_is_explained(
    world: World, visit: Visit, at: Callable[[datetime], Any]
) -> None:
    booking = world.book()
    start = datetime.fromisoformat(booking["start"])
    visitor = visit(DESKTOP)
    at(datetime.fromtimestamp(start.timestamp() - 60 * 60, UTC))
    visitor.page.goto(booking["manage_url"])
    main = visitor.page.locator("main")
    expect(main).to_contain_text("Online cancellation closed on")
    expect(main.get_by_role("link", name="Cancel")).to_have_count(0)
    visitor.page.goto(f"{booking['manage_url']}/cancel")
    expect(visitor.heading()).to_have_text("You can't cancel online")


@pytest.mark.req("CN-2")
def test_where_the_practice_decides_one_asks_for_cancellation(stack: Stack, visit: Visit) -> None:
    world = World.make(stack, client_cancellation="CLIENT_CANCELLATION_APPROVAL")
    visitor = visit(DESKTOP)
    page = visitor.page
    page.goto(world.book(world.a_start(5))["manage_url"])
    expect(page.locator("main")).to_contain_text("You can request cancellation online until")
    page.get_by_role("link", name="Request cancellation").click()
    page.get_by_role("button", name="Request cancellation").click()
    expect(page.locator("main")).to_contain_text("Cancellation requested")
    [booking] = world.owner.get("/bookings")["bookings"]
    assert (booking["status"], booking["cancellation_requested"]) == ("confirmed", True)


@pytest.mark.req("BK-8")
def test_the_booking_is_shown_in_the_zone_one_asks_for(
    world: World, visit: Visit, scripts: bool
) -> None:
    visitor = visit(DESKTOP, scripts=scripts)
    page = visitor.page
    page.goto(world.book()["manage_url"])
    expect(page.locator("main")).to_contain_text("Central European Time")
    page.get_by_text("Change time zone").click()
    page.locator("#zone").select_option("Asia/Tokyo")
    if not scripts:
        page.get_by_role("button", name="Change").click()
    expect(page.locator(".facts").first).to_contain_text("Japan Time (UTC+9)")
    page.get_by_text("History").click()
    expect(page.locator(".history")).to_contain_text("Confirmed")


@pytest.mark.req("GW-6", "RM-2")
@pytest.mark.parametrize("reported", ["'Etc/Unknown'", "'Mars/Olympus'", "''", "undefined"])
def test_a_device_whose_zone_is_unknown_keeps_the_pages_zone(
    world: World, visit: Visit, reported: str
) -> None:
    """The rest of both scripts still works."""
    booking = world.book(world.a_start(4))
    visitor = visit(PHONE)
    page = visitor.page
    page.add_init_script(REPORTING % reported)
    page.goto(booking["manage_url"])
    expect(page.locator("#zone-submit")).to_be_hidden()
    expect(page.locator("#here")).to_be_hidden()
    page.goto(booking["join_url"])
    expect(page.locator("#countdown")).to_be_visible()
    expect(page.locator("#zone-submit")).to_be_hidden()
