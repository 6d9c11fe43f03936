"""Booking without a pointer."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import DESKTOP, Visitor
from tests.world import World

pytestmark = pytest.mark.req("GW-6")


def test_one_books_and_cancels_by_keyboard_alone(
    world: World, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(DESKTOP)
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open_booking(world)
    visitor.settle()
    keys.press("Tab")
    assert visitor.focused()["words"] == "Skip to content"

    # The next month, then its days: one stop for Tab, arrows within.
    month = page.locator("#month").inner_text()
    visitor.tab_to(lambda it: it["id"] == "later")
    keys.press("Enter")
    expect(page.locator("#month")).not_to_have_text(month)
    visitor.settle()
    assert visitor.focused()["id"] == "later"
    first = visitor.tab_to(lambda it: bool(it["date"]))["date"]
    keys.press("ArrowRight")
    second = visitor.focused()["date"]
    keys.press("ArrowDown")
    third = visitor.focused()["date"]
    assert first < second < third
    keys.press("ArrowUp")
    assert visitor.focused()["date"] == second
    keys.press("Home")
    assert visitor.focused()["date"] <= second
    keys.press("PageUp")
    expect(page.locator("#month")).to_have_text(month)
    visitor.settle()
    keys.press("PageDown")
    expect(page.locator("#month")).not_to_have_text(month)
    visitor.settle()
    visitor.tab_to(lambda it: bool(it["date"]))
    keys.press("ArrowRight")
    name = visitor.focused()["name"]
    assert re.fullmatch(r".*\d{4}, \d+ times?", name)
    keys.press("Enter")
    expect(page.locator("#day")).to_be_focused()
    expect(page.locator("#day")).to_have_text(name.rpartition(",")[0])

    # A time, the details, the button.
    visitor.tab_to(lambda it: bool(re.fullmatch(r"\d+:\d\d\s[AP]M", it["words"])))
    keys.press("Enter")
    expect(page.locator("#about")).to_be_focused()
    for field, words in (("name", "Ida Lindqvist"), ("email", "ida@client.example")):
        visitor.tab_to(lambda it, field=field: it["id"] == field)  # type: ignore[misc]  # bound now
        keys.type(words)
    keys.press("Enter")
    expect(visitor.heading()).to_have_text("Your appointment is confirmed")
    expect(visitor.heading()).to_be_focused()

    visitor.tab_to(lambda it: it["words"] == "Cancel appointment")
    keys.press("Enter")
    expect(visitor.heading()).to_have_text("Cancel your appointment?")
    visitor.tab_to(lambda it: it["words"] == "Cancel appointment")
    keys.press("Space")
    expect(visitor.heading()).to_have_text("This appointment was canceled")
