"""A time that a visitor holds: made by a tap, released by leaving, known as their own."""

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, Route, expect

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.world import World

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.req("GW-6", "BK-3")
IDA = {"name": "Ida Lindqvist", "email": "ida@client.example"}


def free(world: World, start: str) -> bool:
    """Whether anybody may take a start."""
    day = datetime.fromisoformat(start).astimezone(ZoneInfo("America/New_York")).date().isoformat()
    found = world.slots(**{"from": day, "to": day})
    return datetime.fromisoformat(start) in map(datetime.fromisoformat, found)


@pytest.fixture(scope="module")
def shared(stack: Stack) -> World:
    """A practice in which each test takes another day."""
    return World.make(stack)


@pytest.fixture(scope="module")
def days() -> Iterator[str]:
    first = datetime.now(UTC).date() + timedelta(days=3)
    return (str(first + timedelta(days=n)) for n in itertools.count())


def at_times(visitor: Visitor, world: World, day: str) -> None:
    visitor.open_booking(world, tz="America/New_York", date=day, month=day[:7])
    expect(visitor.page.locator("#picker")).to_be_visible()


def at_details(visitor: Visitor, world: World, day: str) -> str:
    """Choose a time, and return it; it is held."""
    at_times(visitor, world, day)
    start = visitor.choose_time()
    expect(visitor.page.locator("#hold")).to_be_visible()
    return start


def look_again_and_leave(page: Page) -> None:
    page.locator("#change-time").click()
    expect(page.locator("#picker")).to_be_visible()
    page.goto("about:blank")


def back_and_forth(page: Page) -> None:
    page.go_back()
    expect(page.locator("#picker")).to_be_visible()
    page.go_forward()


LEAVING: dict[str, Callable[[Page], Any]] = {
    "by an address": lambda page: page.goto("about:blank"),
    "to another page of ours": lambda page: page.goto(page.url.partition("/book/")[0]),
    "by closing the tab": lambda page: page.close(run_before_unload=True),
    "by another date in the address": lambda page: page.goto(page.url.partition("&start=")[0]),
    "by a script": lambda page: page.evaluate("location.href = 'about:blank'"),
    "into the cache": lambda page: page.evaluate(
        "dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))"
    ),
    "after another look at the times": look_again_and_leave,
}


@pytest.mark.parametrize("how", LEAVING)
def test_a_hold_is_released_when_the_page_is_left(
    shared: World, days: Iterator[str], visit: Visit, how: str
) -> None:
    visitor = visit(PHONE)
    start = at_details(visitor, shared, next(days))
    LEAVING[how](visitor.page)
    until(lambda: free(shared, start), bool)


COMING_BACK: dict[str, Callable[[Page], Any]] = {
    "reload": lambda page: page.reload(),
    "back": lambda page: (page.goto("about:blank"), page.go_back()),
    "from the cache": lambda page: page.evaluate(
        "for (const name of ['pagehide', 'pageshow'])"
        " dispatchEvent(new PageTransitionEvent(name, {persisted: true}))"
    ),
    "back and forth": back_and_forth,
    "the same address": lambda page: page.goto(page.url),
}


@pytest.mark.parametrize("how", COMING_BACK)
def test_who_comes_back_holds_the_time_again(
    shared: World, days: Iterator[str], visit: Visit, how: str
) -> None:
    visitor = visit(DESKTOP)
    start = at_details(visitor, shared, next(days))
    with visitor.page.expect_response(re.compile("/hold$")):
        COMING_BACK[how](visitor.page)
        if visitor.page.locator("#hold").is_hidden():
            visitor.page.locator("#name").focus()
    expect(visitor.page.locator("#hold")).to_be_visible()
    until(lambda: free(shared, start), lambda it: not it)
    visitor.fill(**IDA)
    visitor.book()
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")


def test_a_tap_is_answered_at_once_and_two_hold_one_time(
    shared: World, days: Iterator[str], visit: Visit
) -> None:
    visitor = visit(PHONE)
    page, waiting = visitor.page, []
    at_times(visitor, shared, next(days))
    page.route(re.compile("/hold$"), lambda route: waiting.append(route))
    tapped, other = page.locator("button.time").nth(1), page.locator("button.time").nth(3)
    start = tapped.get_attribute("value")
    tapped.dblclick()
    expect(tapped).to_have_attribute("aria-busy", "true")
    expect(page.locator("#said")).to_have_text(re.compile(r"Holding \d+:\d\d.[AP]M…"))
    other.click()
    routes: list[Route] = until(lambda: waiting, bool)
    routes[0].continue_()
    expect(page.locator("#details")).to_be_visible()
    assert len(waiting) == 1
    assert page.locator("[name=start]").input_value() == start


def test_without_the_network_the_browser_sends_the_form_itself(
    shared: World, days: Iterator[str], visit: Visit
) -> None:
    """A script that cannot fetch leaves the choice to the form."""
    visitor = visit(DESKTOP)
    page = visitor.page
    at_times(visitor, shared, next(days))
    page.evaluate("() => { window.fetch = () => Promise.reject(new Error('no network')); }")
    visitor.choose_time()
    expect(page.locator("#hold")).to_be_visible()


def test_ones_own_held_time_is_ones_own(
    shared: World, days: Iterator[str], visit: Visit, scripts: bool
) -> None:
    visitor, other = visit(DESKTOP, scripts=scripts), visit(DESKTOP, scripts=False)
    start = at_details(visitor, shared, next(days))
    page = visitor.page
    page.go_back()
    own = page.locator(f"button.own[value='{start}']")
    expect(own).to_have_count(1)
    expect(own).to_contain_text("Held for you")
    at_times(other, shared, start[:10])
    expect(other.page.locator(f"button[value='{start}']")).to_have_count(0)
    own.click()
    expect(page.locator("#hold")).to_be_visible()
    visitor.fill(**IDA)
    visitor.book()
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")


@pytest.mark.parametrize("how", ["back", "address", "reload"])
def test_ones_own_booking_is_not_somebody_elses(
    shared: World, days: Iterator[str], visit: Visit, scripts: bool, how: str
) -> None:
    visitor = visit(DESKTOP, scripts=scripts)
    page = visitor.page
    at_details(visitor, shared, next(days))
    details = page.url
    visitor.fill(**IDA)
    visitor.book()
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")
    manage = page.url.partition("?")[0]
    if how == "back":
        page.go_back()
    else:
        page.goto(details)
    if how == "reload":
        page.reload()
    expect(page.locator("#about")).to_have_text("You've booked this time")
    expect(page.locator("main")).not_to_contain_text("just booked")
    page.get_by_role("link", name="View your appointment").click()
    expect(page).to_have_url(manage)


def test_a_shared_link_shows_the_time_and_holds_it_for_who_fills_in(
    shared: World, days: Iterator[str], visit: Visit, scripts: bool
) -> None:
    start = shared.slots(**{"from": (day := next(days)), "to": day})[0]
    instant = f"{datetime.fromisoformat(start).astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"
    first, second = visit(PHONE, scripts=scripts), visit(DESKTOP, scripts=scripts)
    for visitor in (first, second):
        visitor.open_booking(shared, start=instant, tz="Europe/Berlin")
        expect(visitor.page.locator("#when-date")).not_to_be_empty()
        expect(visitor.page.locator("#hold")).to_be_hidden()
        expect(visitor.page.locator("#alternatives")).to_have_count(0)
    assert free(shared, start)
    first.page.locator("#name").focus()
    expect(first.page.locator("#hold")).to_be_visible(visible=scripts)
    first.fill(**IDA)
    first.book()
    expect(first.heading()).to_have_text("Your appointment is confirmed")


def test_what_was_typed_outlives_the_choice_of_another_time(
    shared: World, days: Iterator[str], visit: Visit
) -> None:
    visitor = visit(PHONE)
    at_details(visitor, shared, next(days))
    visitor.fill(**IDA, note="By bus")
    visitor.page.locator("#change-time").click()
    expect(visitor.page.locator("#picker")).to_be_visible()
    visitor.choose_time(4)
    assert visitor.typed("name", "email", "note") == {**IDA, "note": "By bus"}
