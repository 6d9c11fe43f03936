"""Times in the reader's zone, whatever name their browser has for it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Route, expect

from attune_local.stack import Stack
from tests.browser.visitor import DESKTOP, PHONE, REPORTING, Visitor
from tests.world import World

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.req("GW-6", "SL-1")
NEW_YORK = "Eastern Time"

_STOP_THE_CLOCK = """() => {
    for (const animation of document.getAnimations()) {
        animation.pause();
        animation.currentTime = 0;
    }
}"""


@pytest.fixture(scope="module")
def shared(stack: Stack) -> World:
    return World.make(stack)


@pytest.mark.parametrize(
    ("reported", "words", "zone"),
    [
        ("'Asia/Calcutta'", "India Time (UTC+5:30)", "Asia/Kolkata"),
        ("'Asia/Kolkata'", "India Time (UTC+5:30)", "Asia/Kolkata"),
        ("'America/Coyhaique'", "Coyhaique Time (UTC−3)", "America/Coyhaique"),
        ("'Etc/UTC'", "UTC", "UTC"),
        ("'GMT'", "UTC", "UTC"),
        ("'Etc/GMT+5'", "UTC−5", "Etc/GMT+5"),
        ("'Etc/Unknown'", NEW_YORK, "America/New_York"),
        ("'Mars/Olympus'", NEW_YORK, "America/New_York"),
        ("''", NEW_YORK, "America/New_York"),
        ("undefined", NEW_YORK, "America/New_York"),
    ],
)
def test_a_zone_is_known_by_every_name(
    shared: World, visit: Visit, reported: str, words: str, zone: str
) -> None:
    visitor = visit(PHONE)
    page = visitor.page
    page.add_init_script(REPORTING % reported)
    visitor.open_booking(shared)
    expect(page.locator("#zone-words")).to_contain_text(words)
    is_unknown = "Unknown" in reported or "Mars" in reported
    expect(page.locator("#zone-unknown")).to_have_count(int(is_unknown))
    first = page.locator("button.time").first
    expect(first).to_be_visible()
    start = datetime.fromisoformat(first.get_attribute("value") or "")
    shown = re.sub(r"\s", " ", first.inner_text())
    assert shown == start.astimezone(ZoneInfo(zone)).strftime("%-I:%M %p")
    first.click()
    expect(page.locator("#when-zone")).to_contain_text(words)


def test_times_in_a_guessed_zone_cannot_be_tapped(shared: World, visit: Visit) -> None:
    visitor = visit(PHONE, zone="Asia/Tokyo")
    page = visitor.page
    waiting: list[Route] = []
    page.route(re.compile(r"book\.js"), lambda route: waiting.append(route))
    page.route(re.compile("tz=Asia"), lambda route: waiting.append(route))
    visitor.page.goto(f"{shared.stack.url}/book/{shared.username}", wait_until="commit")
    times = page.locator("button.time")
    expect(page.locator("#zone-words")).to_contain_text(NEW_YORK)
    page.evaluate(_STOP_THE_CLOCK)  # of the sheet, which shows the times in the end
    expect(times.first).to_be_hidden()
    with page.expect_request(re.compile("tz=Asia")):
        waiting[0].continue_()
    expect(times.first).to_be_hidden()
    script, answer = waiting
    assert "book.js" in script.request.url
    answer.continue_()
    expect(page.locator("#zone-words")).to_have_text("Japan Time (UTC+9)")
    expect(times.first).to_be_visible()
    page.unroute(re.compile(r"book\.js"))
    page.goto(f"{shared.stack.url}/book/{shared.username}")  # a cookie has kept the zone
    expect(page.locator("#zone-words")).to_have_text("Japan Time (UTC+9)")
    expect(times.first).to_be_visible()
    assert len(waiting) == 2, "a second visit asks for the zone no more"


@pytest.mark.parametrize("broken", ["missing", "wrong"])
def test_times_come_in_the_end_if_the_script_does_not(
    shared: World, visit: Visit, broken: str
) -> None:
    visitor = visit(DESKTOP, zone="Asia/Tokyo")
    page = visitor.page

    def answer(route: Route) -> Any:
        if broken == "missing":
            return route.fulfill(status=404, body="")
        return route.fulfill(status=200, content_type="text/javascript", body="throw 1;")

    page.route(re.compile(r"book\.js"), answer)
    visitor.open_booking(shared)
    expect(page.locator("#zone-words")).to_contain_text(NEW_YORK)
    expect(page.locator("button.time").first).to_be_visible()
    page.locator("button.time").first.click()
    expect(page.locator("#details")).to_be_visible()
    visitor.troubles.clear()  # the script was broken on purpose


def test_days_and_times_stand_on_a_phones_first_screen(
    shared: World, visit: Visit, scripts: bool
) -> None:
    visitor = visit(PHONE, scripts=scripts)
    visitor.open_booking(shared, tz="America/New_York")
    page = visitor.page
    expect(page.locator(".calendar table")).to_be_in_viewport(ratio=1)
    expect(page.locator("button.time").first).to_be_in_viewport(ratio=1)
    page.locator("#later").click()
    expect(page.locator("#later")).to_be_visible()
    visitor.settle()
    page.locator("a.day").nth(9).click()
    visitor.settle()
    expect(page.locator("#day")).to_be_in_viewport(ratio=1)
    expect(page.locator("button.time").nth(8)).to_be_in_viewport(ratio=1)
    page.locator("button.time").first.click()
    expect(page.locator("#details")).to_be_visible()
    expect(page.locator("#about")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("button.own")).to_be_in_viewport()


def test_on_a_wide_screen_choosing_a_day_moves_nothing(shared: World, visit: Visit) -> None:
    visitor = visit(DESKTOP)
    visitor.open_booking(shared, tz="America/New_York")
    page = visitor.page
    page.locator("#later").click()
    visitor.settle()
    page.locator("a.day").nth(9).click()
    visitor.settle()
    assert page.evaluate("scrollY") == 0
    expect(page.locator("#day")).to_be_in_viewport(ratio=1)
