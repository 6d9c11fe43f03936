"""Emails as a mail program shows them: on the narrowest phone, in light and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from attune.availability.v1.availability_pb2 import Provider
from attune.booking.v1.booking_pb2 import ContactDetails
from notifications.rendering.letter import Letter
from notifications.rendering.message import compose
from services.notifications.tests.letters import STATES, make_letter
from tests import brackets

pytestmark = pytest.mark.req("NT-2")
NARROW, WIDE, BUTTON = 320, 700, 44  # CSS pixels (WCAG 2.2, 1.4.10 and 2.5.5)
LONG = "Donaudampfschifffahrtsgesellschaft" * 4
# A message stands in a mail program's page, which has the landmarks.
AXE = {"rules": {name: {"enabled": False} for name in ("region", "landmark-one-main")}}
Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """`show(letter, scheme="dark")` is the page of a message, in the same tab."""
    context = browser.new_context(viewport={"width": NARROW, "height": 600})
    page = context.new_page()

    def show(letter: Letter, scheme: str = "light") -> Page:
        part = compose(letter).get_body(("html",))
        assert part is not None
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
        page.set_content(part.get_content())
        return page

    yield show
    context.close()


def test_every_message_fits_and_its_buttons_can_be_hit(show: Show) -> None:
    letters = {state: make_letter(**arguments) for state, arguments in STATES.items()}
    letters["long"] = make_letter(
        practice={"name": LONG, "phone": "+12125550142", "email": f"{LONG[:60]}@long.example"},
        provider=Provider(display_name=LONG),
    )
    for state, letter in letters.items():
        page = show(letter)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, state
        heights = page.eval_on_selector_all("a", "found => found.map(a => a.offsetHeight)")
        assert heights, state
        assert min(heights) >= BUTTON, state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_message(show: Show, scheme: str) -> None:
    for state in ("confirmed", "declined-with-a-message", "provider-requested-by-phone"):
        found = Axe().run(show(make_letter(**STATES[state]), scheme), options=AXE).response
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == [], state


@pytest.mark.req("NT-6")
@pytest.mark.parametrize(("locale", "is_reversed"), [("ar-EG", True), ("he", True), ("eo", False)])
def test_facts_stand_in_the_order_of_the_language(
    show: Show, tmp_path: Path, locale: str, is_reversed: bool
) -> None:
    catalogs = brackets.catalogs("notifications", tmp_path, "ar", "he", "eo")
    booking = {"contact": ContactDetails(locale=locale)}
    page = show(make_letter(booking=booking, catalogs=catalogs))
    page.set_viewport_size({"width": WIDE, "height": 600})
    label, value = (
        page.eval_on_selector(name, "found => found.offsetLeft") for name in (".label", ".value")
    )
    assert (label > value) is is_reversed
