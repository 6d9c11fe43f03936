"""The API reference on a phone and a desk, in light and dark, without JavaScript."""

from collections.abc import Callable

import pytest

from attune_local.stack import Stack
from tests.browser.visitor import DESKTOP, PHONE, Device, Visitor

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.req("GW-1", "GW-6")
SMALL = Device("small phone", 320, 640, touch=True)


def test_nothing_but_code_is_wider_than_the_page(visit: Visit, stack: Stack) -> None:
    visitor = visit(PHONE)
    visitor.page.goto(f"{stack.url}/api/docs")
    wide = """width => {
        const scrolls = element => element.closest("pre, nav") !== null;
        return [...document.querySelectorAll("body *")]
            .filter(element => !scrolls(element) && !element.matches(".skip"))
            .filter(element => element.getBoundingClientRect().right > width + 1)
            .map(element => element.outerHTML.slice(0, 120));
    }"""
    for device in (SMALL, PHONE, DESKTOP):
        visitor.page.set_viewport_size({"width": device.width, "height": device.height})
        assert visitor.page.evaluate(wide, device.width) == []
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == device.width


@pytest.mark.parametrize(("device", "dark"), [(PHONE, False), (DESKTOP, True)])
def test_axe_finds_nothing(visit: Visit, stack: Stack, device: Device, dark: bool) -> None:
    visitor = visit(device, dark=dark)
    visitor.page.goto(f"{stack.url}/api/docs")
    # The articles are alike: two of a hundred tell all, and axe takes a tenth of the time.
    visitor.page.evaluate(
        "kept => document.querySelectorAll('article').forEach("
        "article => kept.includes(article.querySelector('h3').id) || article.remove())",
        ["create_booking", "schema-Booking"],
    )
    assert visitor.page.locator("article").count() == 2
    assert visitor.audit() == []


def test_it_reads_the_same_without_scripts(visit: Visit, stack: Stack) -> None:
    texts = []
    for scripts in (True, False):
        visitor = visit(PHONE, scripts=scripts)
        visitor.page.goto(f"{stack.url}/api/docs#create_booking")
        texts.append(visitor.page.locator("main").inner_text())
        place = visitor.page.locator("#create_booking").bounding_box()
        assert place
        assert 0 <= place["y"] < PHONE.height
    assert texts[0] == texts[1]


def test_the_sidebar_stays_in_sight_on_a_desk(visit: Visit, stack: Stack) -> None:
    visitor = visit(DESKTOP)
    visitor.page.goto(f"{stack.url}/api/docs")
    visitor.page.locator("nav").get_by_role("link", name="Book a slot", exact=True).click()
    place = visitor.page.locator("nav").bounding_box()
    assert place
    assert place["y"] == 0
    heading = visitor.page.locator("#create_booking").bounding_box()
    assert heading
    assert heading["x"] >= place["width"]
