"""`make pictures`: take the README's pictures of the booking page and the console.

The pictures show the demo practice on a Monday morning, with bookings of made-up clients.
"""

import base64
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_operator import seed
from attune_operator.up import environment_of
from tests.browser.chromium import ARGUMENTS, find_or_install

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
ZONE = ZoneInfo("America/New_York")
CLIENTS = ("Maya Lindqvist", "Tom Okafor", "Priya Raman", "Luis Herrera", "Hannah Weiss")
HOURS = (9, 10, 11, 14, 15)
MODES = ("telehealth", "in_person", "telehealth", "phone", "telehealth")
_QUALITY = 80  # percent, of WebP


def main() -> None:
    path = find_or_install()
    if path is None:
        raise SystemExit("Pictures need Chromium: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="attune-pictures-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
        clock = folder / "clock"
        stack = Stack(folder, free_port(), {"CLOCK_FILE": str(clock)})
        try:
            stack.start()
            seed.create_demo(environment_of(stack), stack.secrets.owner_password)
            monday = datetime.combine(_monday(), time(8, 40), ZONE)
            _book(stack, monday)
            clock.write_text(str((monday - datetime.now(UTC)).total_seconds()))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS])
                _take(browser, stack, monday)
                browser.close()
        finally:
            stack.stop()


def _monday() -> Any:
    """Return the first Monday that is at least three days ahead."""
    date = datetime.now(ZONE).date() + timedelta(days=3)
    return date + timedelta(days=-date.weekday() % 7)


def _book(stack: Stack, monday: datetime) -> None:
    """Book the demo provider's Monday, and leave one request that needs a response."""
    api = f"{stack.url}/api/v1"
    for client, hour, mode in zip(CLIENTS, HOURS, MODES, strict=True):
        _book_one(api, client, monday.replace(hour=hour, minute=0), mode)
    password = stack.secrets.owner_password
    login = _sent("POST", f"{api}/auth/login", {"email": seed.OWNER, "password": password})
    token = {"Authorization": f"Bearer {login['token']}"}
    policies = {"version": 1, "policies": {"confirmation": "approval"}}
    _sent("PUT", f"{api}/policies", policies, token)
    _book_one(api, "Noor Haddad", monday.replace(hour=10, minute=0) + timedelta(days=2), "phone")


def _book_one(api: str, client: str, start: datetime, mode: str) -> None:
    details = {
        "name": client,
        "email": f"{client.split()[0].lower()}@example.com",
        "phone": "(212) 555-0173",
        "timezone": ZONE.key,
    }
    wanted = {"service": "therapy-session", "mode": mode, "start": start.isoformat()}
    _sent("POST", f"{api}/providers/{seed.USERNAME}/bookings", {**wanted, "client": details})


def _sent(method: str, url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    answer = requests.request(method, url, json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


def _take(browser: Browser, stack: Stack, now: datetime) -> None:
    context = browser.new_context(
        viewport={"width": 1200, "height": 860}, locale="en-US", timezone_id=ZONE.key
    )
    page = context.new_page()
    page.clock.set_fixed_time(now)
    query = "service=therapy-session&mode=telehealth"
    page.goto(f"{stack.url}/book/{seed.USERNAME}?{query}")
    page.locator("a.day").nth(3).click()
    page.wait_for_load_state("networkidle")
    _save(page, "booking")
    page.goto(f"{stack.url}/signin")
    page.locator("input[name=email]").fill(seed.OWNER)
    page.locator("input[name=password]").fill(stack.secrets.owner_password)
    page.locator("main form button").click()
    page.wait_for_url("**/console*")
    page.wait_for_load_state("networkidle")
    _save(page, "console")


def _save(page: Page, name: str) -> None:
    """Save what the page shows as WebP, which Playwright's own screenshots cannot be."""
    options = {"format": "webp", "quality": _QUALITY}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", options)
    path = FOLDER / f"{name}.webp"
    path.write_bytes(base64.b64decode(taken["data"]))
    print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
