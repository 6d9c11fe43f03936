"""A Chromium, and visitors who use it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.chromium import ARGUMENTS, find_or_install
from tests.browser.visitor import DESKTOP, PHONE, Device, Visitor


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder: they need a Chromium."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Without one the tests are skipped, loudly; under CI that is a failure."""
    if path := find_or_install():
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
    launched = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS])
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
