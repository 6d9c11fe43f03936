"""What a browser remembers of its visitor's hold and booking."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask, Response

from attune.availability.v1.availability_pb2 import Practice, Provider, ServiceType
from attune.common.v1.types_pb2 import MODE_PHONE
from attune_testing.clock import TestClock
from gateway.backends.providers import Profile
from gateway.pages.booking import own
from gateway.pages.booking.choice import Choice

pytestmark = pytest.mark.req("BK-3", "GW-6")
VISITOR, OTHER = "v" * 24, "o" * 24
PROFILE = Profile(
    Provider(username="ada", timezone="Europe/Berlin"),
    Practice(name="Elm Street"),
    [ServiceType(slug="talk", modes=[MODE_PHONE])],
)
CHOICE = Choice.of(PROFILE, {"start": "2027-01-04T09:00:00Z"})


@pytest.fixture
def held(app: Flask, clock: TestClock) -> str:
    """The cookie of a visitor who holds the choice for five minutes."""
    response = Response()
    with app.test_request_context(headers={"Cookie": f"attune_visitor={VISITOR}"}):
        own.remember_hold(response, CHOICE, "hold-1", clock.now() + timedelta(minutes=5))
    return response.headers["Set-Cookie"].partition(";")[0].partition("=")[2]


def read(app: Flask, cookie: str, visitor: str = VISITOR, choice: Choice = CHOICE) -> str:
    """Return the id of the hold that the cookie tells a page of; empty for none."""
    sent = {"Cookie": f"attune_visitor={visitor}; attune_held={cookie}"}
    with app.test_request_context(headers=sent):
        found = own.held(choice)
        return found.hold_id if found else ""


def test_a_hold_is_remembered_as_long_as_it_lasts(app: Flask, clock: TestClock, held: str) -> None:
    assert read(app, held) == "hold-1"
    clock.advance(timedelta(minutes=4, seconds=58))
    assert read(app, held) == "hold-1"
    clock.advance(timedelta(seconds=2))
    assert read(app, held) == ""


def _changed(cookie: str) -> str:
    payload, _, code = cookie.rpartition(".")
    values = json.loads(base64.urlsafe_b64decode(payload))
    values[4] = "hold-2"
    return f"{base64.urlsafe_b64encode(json.dumps(values).encode()).decode()}.{code}"


@pytest.mark.parametrize(
    "spoil",
    [
        _changed,
        lambda cookie: cookie[:-1],
        lambda cookie: cookie.rpartition(".")[0],
        lambda cookie: cookie.rpartition(".")[2],
        lambda _: "",
        lambda _: ".",
        lambda _: "e30=.x",
        lambda _: "\u00fc.\u00fc".encode().decode("latin-1"),
    ],
)
def test_a_cookie_that_is_not_ours_says_nothing(
    app: Flask, held: str, spoil: Callable[[str], str]
) -> None:
    assert read(app, spoil(held)) == ""


def test_in_another_browser_it_says_nothing(app: Flask, held: str) -> None:
    assert read(app, held, OTHER) == ""


@pytest.mark.parametrize("other", ["username", "service", "mode"])
def test_it_tells_of_one_service_and_mode_of_one_provider(
    app: Flask, held: str, other: str
) -> None:
    provider = Provider(username="bob" if other == "username" else "ada", timezone="UTC")
    slug, mode = "intake" if other == "service" else "talk", 1 if other == "mode" else MODE_PHONE
    profile = Profile(provider, PROFILE.practice, [ServiceType(slug=slug, modes=[mode])])  # type: ignore[list-item]
    assert read(app, held, choice=Choice.of(profile, {})) == ""
