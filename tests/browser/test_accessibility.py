"""axe finds nothing on any page, on a phone in light mode and a desktop in dark mode (WCAG 2.2
AA)."""

from collections.abc import Callable, Iterable
from datetime import datetime

import pytest
from playwright.sync_api import expect

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.browser.test_console_page import sign_in
from tests.browser.visitor import DESKTOP, PHONE, Visitor
from tests.world import World

Visit = Callable[..., Visitor]
pytestmark = pytest.mark.req("GW-6")


@pytest.fixture(params=[(PHONE, False), (DESKTOP, True)], ids=["phone-light", "desktop-dark"])
def visitor(request: pytest.FixtureRequest, visit: Visit) -> Visitor:
    device, dark = request.param
    return visit(device, dark=dark)


def test_pages_for_everybody(visitor: Visitor, stack: Stack) -> None:
    for path in ("/", "/signin", "/nothing-here", "/dev/mailbox", "/book/nobody"):
        visitor.page.goto(f"{stack.url}{path}")
        assert visitor.audit() == [], path


def test_the_booking_page_at_every_step(visitor: Visitor, world: World) -> None:
    world.owner.post(
        "/service-types",
        {
            "slug": "intake",
            "title": "First conversation",
            "description": "About what brings you here.",
            "duration_minutes": 30,
            "modes": ["in_person"],
            "online": True,
            "active": True,
        },
        status=201,
    )
    visitor.open_booking(world)
    assert visitor.audit() == []
    visitor.open_booking(world, service="session")
    visitor.choose_day()
    assert visitor.audit() == []
    visitor.page.locator("#zone").click()
    visitor.page.locator("#find").fill("york")
    assert visitor.audit() == []
    visitor.open_booking(world, service="session", mode="in_person", tz="Asia/Tokyo")
    assert visitor.audit() == []
    visitor.open_booking(world, service="session")
    visitor.choose_day()
    start = visitor.choose_time()
    assert visitor.audit() == []
    visitor.page.go_back()
    expect(visitor.page.locator("button.own")).to_be_visible()
    assert visitor.audit() == []
    visitor.page.locator("button.own").click()
    expect(visitor.page.locator("#details")).to_be_visible()
    visitor.book()
    expect(visitor.page.locator("#problems")).to_be_visible()
    assert visitor.audit() == []
    later = _after(visitor, start)
    world.public.post(
        f"/providers/{world.username}/holds",
        {"service": "session", "mode": "telehealth", "start": later},
        status=201,
    )
    day = {"from": later[:10], "to": later[:10], "tz": "UTC"}
    until(lambda: map(datetime.fromisoformat, world.slots(**day)), _lacks(later))
    visitor.open_booking(world, service="session", start=later)
    expect(visitor.page.locator("#alternatives")).to_be_visible()
    assert visitor.audit() == []


def _lacks(start: str) -> Callable[[Iterable[datetime]], bool]:
    """Return whether a start is not among open ones."""
    return lambda free: datetime.fromisoformat(start) not in free


def _after(visitor: Visitor, start: str) -> str:
    """Return the same start a day later."""
    day = f"{int(start[8:10]) + 1:02}"
    return f"{start[:8]}{day}{start[10:]}"


def test_the_pages_behind_links(visitor: Visitor, world: World) -> None:
    contact = {"phone": "+12125550100", "email": "desk@elm.example", "website": "elm.example"}
    saved = world.owner.call("PATCH", "/practice", json=contact)
    assert saved.status_code == 200, saved.text
    booking, canceled = world.book(world.a_start(5)), world.book(world.a_start(6))
    world.owner.post(f"/bookings/{canceled['id']}/cancel", {"reason": "other"})
    page = visitor.page
    for url in (
        f"{booking['manage_url']}?new=1",
        booking["manage_url"],
        booking["join_url"],
        canceled["manage_url"],
    ):
        page.goto(url)
        assert page.locator(".contact a").count() == 3, url
        closed = page.locator("details:not([open]) summary")
        while closed.count():
            closed.first.click()
        assert visitor.audit() == [], url


def test_the_console(visitor: Visitor, stack: Stack) -> None:
    world = World.make(stack, confirmation="CONFIRMATION_APPROVAL")
    booking = world.book()
    world.messages(booking["client"]["email"])
    path = f"/console/bookings/{booking['id']}"
    sign_in(visitor, world)
    lists = [f"/console/bookings?show={name}" for name in ("upcoming", "needs-response", "past")]
    details = (path, f"{path}/decline", f"{path}/cancel")
    for url in ("/console", *lists, *details, "/console/practice", "/"):
        visitor.page.goto(f"{stack.url}{url}")
        assert visitor.audit() == [], url
    visitor.page.goto(f"{stack.url}/dev/mailbox?to={booking['client']['email']}")
    visitor.page.locator("a.mail").first.click()
    expect(visitor.page.locator("iframe")).to_be_visible()
    assert visitor.audit() == []
