"""A Chromium, and visitors who use it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.visitor import DESKTOP, PHONE, Device, Visitor

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The first has no windows at all, and takes much less of the machine than the others.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PACKAGES = _NAMES[:2]  # Debian names them alike; not every release has the first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder: they need a Chromium."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


def _chromium() -> str | None:
    """Return the path of a Chromium, which is installed first if possible (as root on Debian)."""
    if found := _found():
        return found
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _apt("update")
        for package in _PACKAGES:
            _apt("install", "-y", "--no-install-recommends", "fonts-liberation", package)
            if found := _found():
                return found
    return None


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-q", *arguments]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=900)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Without one the tests are skipped, loudly; under CI that is a failure."""
    if path := _chromium():
        return path
    words = "THE BROWSER TESTS DID NOT RUN: there is no Chromium (apt-get install chromium)"
    sys.__stderr__.write(f"\n{words}\n")  # type: ignore[union-attr]  # past pytest's capture
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium, args=[*_ARGUMENTS])
    yield launched
    launched.close()


@pytest.fixture(params=[PHONE, DESKTOP], ids=lambda device: device.name)
def device(request: pytest.FixtureRequest) -> Device:
    """A phone, and a desktop."""
    found: Device = request.param
    return found


@pytest.fixture(params=[True, False], ids=["script", "plain"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """With JavaScript, and without."""
    return bool(request.param)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(device, scripts=False, zone="Asia/Kolkata")` opens a visitor with a browser of their
    own.

    At the end, the test fails if a visitor saw an error or a violation of the content policy.
    """
    visitors: list[Visitor] = []

    def come(device: Device = DESKTOP, **options: object) -> Visitor:
        visitors.append(Visitor.come(browser, device, **options))  # type: ignore[arg-type]  # those of Visitor.come
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.leave()
    assert [trouble for visitor in visitors for trouble in visitor.troubles] == []
