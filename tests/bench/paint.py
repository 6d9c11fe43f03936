"""L1: the largest paint of the booking page's steps on the phone profile of GW-6.

390 px, a CPU four times slower, 1.6 Mbit/s with 150 ms for each request, nothing in the cache.
Chromium slows itself down, so the machine's own speed shows: run it while nothing else runs.
"""

import shutil
import statistics
from collections.abc import Callable

from playwright.sync_api import Browser, sync_playwright

from attune_local.stack import Stack
from tests.bench.measure import report
from tests.world import World

_TARGET = 1000  # milliseconds
_VISITS = 9
_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
_WATCH = """
    window.largest = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.largest = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
"""
_BYTES = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
    .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def measure(stack: Stack) -> None:
    """Print the median of each step's largest paint over the target, and its bytes."""
    world = World.make(stack)
    start = world.a_start(3)
    page = f"{stack.url}/book/{world.username}"
    steps = {
        "times": (page, "America/New_York"),
        "times, in a zone that is detected": (page, "Asia/Kathmandu"),
        "details": (f"{page}?start={start.replace('+', '%2B')}", "America/New_York"),
    }
    with sync_playwright() as playwright:
        path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, (url, zone) in steps.items():
            _report(name, lambda url=url, zone=zone: _visit(browser, url, zone))  # type: ignore[misc]
        browser.close()


def _report(name: str, visit: Callable[[], tuple[float, int]]) -> None:
    seen = [visit() for _ in range(_VISITS)]
    paint, size = (statistics.median(values) for values in zip(*seen, strict=True))
    words = f"{paint:.0f} ms, {size / 1000:.1f} kB"
    report("L1", f"largest paint, {name}", f"{paint / _TARGET:.2f}", words)


def _visit(browser: Browser, url: str, zone: str) -> tuple[float, int]:
    """Return the milliseconds until the largest paint, and the bytes, of a first visit."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, timezone_id=zone, locale="en-US"
    )
    page = context.new_page()
    chrome = context.new_cdp_session(page)
    chrome.send("Network.enable")
    chrome.send("Network.emulateNetworkConditions", _NETWORK)
    chrome.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.add_init_script(_WATCH)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    found = float(page.evaluate("largest")), int(page.evaluate(_BYTES))
    context.close()
    return found
