"""A person with a browser, and what they can do on Attune's pages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.world import World

_PATIENCE = 30_000  # milliseconds
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

REPORTING = """
    const own = Intl.DateTimeFormat.prototype.resolvedOptions;
    Intl.DateTimeFormat.prototype.resolvedOptions = function () {
        return { ...own.call(this), timeZone: %s };
    };
"""
"""A script, with which a browser reports another time zone as its own."""

expect.set_options(timeout=_PATIENCE)


@dataclass(frozen=True)
class Device:
    name: str
    width: int
    height: int
    touch: bool = False


PHONE = Device("phone", 390, 844, touch=True)
DESKTOP = Device("desktop", 1280, 800)


@dataclass
class Visitor:
    """One browser profile with one page."""

    context: BrowserContext
    page: Page
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def come(
        cls,
        browser: Browser,
        device: Device,
        *,
        scripts: bool = True,
        zone: str = "Europe/Berlin",
        locale: str = "en-US",
        dark: bool = False,
    ) -> "Visitor":
        context = browser.new_context(
            viewport={"width": device.width, "height": device.height},
            has_touch=device.touch,
            java_script_enabled=scripts,
            timezone_id=zone,
            locale=locale,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(_PATIENCE)
        visitor = cls(context, context.new_page())
        visitor.page.on("console", visitor._hear)
        visitor.page.on("pageerror", lambda error: visitor.troubles.append(str(error)))
        return visitor

    def leave(self) -> None:
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        """Collect errors and violations. A 409 response is not a fault of the page."""
        refused = message.text.startswith("Failed to load resource: the server responded with")
        if message.type in ("error", "warning") and not refused:
            self.troubles.append(f"{self.page.url}: {message.text}")

    # Booking

    def open_booking(self, world: World, **query: str) -> None:
        """Open the booking page."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"{world.stack.url}/book/{world.username}?{asked}")

    def choose_day(self) -> None:
        """Choose the first free day of the next month, which is always some days ahead."""
        page = self.page
        month = page.locator("#month").inner_text()
        page.locator("#later").click()
        expect(page.locator("#month")).not_to_have_text(month)
        self.settle()
        page.locator("a.day").first.click()
        self.settle()

    def choose_time(self, number: int = 2) -> str:
        """Choose one of the day's times, and return its instant."""
        time = self.page.locator("button.time").nth(number)
        start = time.get_attribute("value")
        assert start
        time.click()
        expect(self.page.locator("#details")).to_be_visible()
        return start

    def choose_zone(self, wanted: str, name: str) -> None:
        """Search the list of zones, and choose one."""
        page = self.page
        page.locator("#zone").click()
        page.locator("#find").fill(wanted)
        if page.locator("#find-submit").is_visible():  # without JavaScript
            page.locator("#find-submit").click()
        found = page.locator(f".zones button[value='{name}']:visible")
        expect(found).to_have_count(1)
        found.click()
        expect(page.locator("#zone-words")).to_be_visible()

    def settle(self) -> None:
        """Wait until the page has drawn the requested times."""
        expect(self.page.locator("#times-of-month")).not_to_have_attribute("aria-busy", "true")

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.page.locator(f"#{name}").fill(value)

    def typed(self, *names: str) -> dict[str, str]:
        return {name: self.page.locator(f"#{name}").input_value() for name in names}

    def book(self) -> None:
        self.page.locator("#book").click()

    def heading(self) -> Locator:
        return self.page.locator("h1")

    # Weight

    def transferred(self) -> dict[str, int]:
        """Return the bytes that the page transferred, by address."""
        found: dict[str, int] = self.page.evaluate(
            """() => Object.fromEntries(["navigation", "resource"].flatMap(
                kind => performance.getEntriesByType(kind)).map(e => [e.name, e.transferSize]))"""
        )
        return found

    # Keyboard

    def focused(self) -> dict[str, str]:
        """Return the element that has the keyboard focus."""
        found: dict[str, str] = self.page.evaluate(
            """() => {
                const it = document.activeElement;
                const name = it.getAttribute("aria-label") ?? "";
                return {id: it.id, words: it.innerText ?? "", name, date: it.dataset.date ?? ""};
            }"""
        )
        return found

    def tab_to(self, wanted: Callable[[dict[str, str]], bool], most: int = 60) -> dict[str, str]:
        """Press Tab until the wanted element has the focus."""
        for _ in range(most):
            if wanted(found := self.focused()):
                return found
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab leads not there; last at {self.focused()}")

    # Accessibility

    def audit(self) -> list[str]:
        """Return what axe finds.

        Frames are left out, because a message's frame allows no script, and so are all but the
        first few options of a list: hundreds of zones reveal nothing new, and take a second.
        """
        self.page.evaluate(_axe())
        found: Any = self.page.evaluate(
            "tags => axe.run({exclude: ['option:nth-child(n+4)', '.zones li:nth-child(n+4)']},"
            " {runOnly: {type: 'tag', values: tags}, iframes: false})",
            _TAGS,
        )
        return [
            f"{violation['impact']} {violation['id']}: {node['html'][:160]} ({node['target']})"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def token_in(url: str) -> str:
    """Return the token of a manage or join link."""
    found = re.search(r"/(?:manage|join)/([^/?#]+)", url)
    assert found, url
    return found[1]
