"""An idempotency key belongs to one visitor: nobody else can use it up, or read its answer."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.req("BK-4", "GW-3")
_keys = itertools.count(1)


class _From(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


@dataclass(frozen=True)
class Caller:
    """A program that keeps no cookies, but may send one."""

    headers: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def send(self, practice: Practice, key: str, what: str, body: Any) -> requests.Response:
        session = requests.Session()
        session.mount("http://", _From(self.address))
        url = f"{practice.stack.url}/api/v1{practice.path}/{what}"
        return session.post(
            url, json=body, headers={"Idempotency-Key": key, **self.headers}, timeout=60
        )


def browser(name: str) -> Caller:
    return Caller({"Cookie": f"attune_visitor={name.ljust(32, 'v')}"})


def app(name: str) -> Caller:
    return Caller({"X-Visitor-Id": name.ljust(32, "v")})


CURL = Caller()
STRANGERS = {
    "two browsers": (browser("ada"), browser("eve")),
    "two apps": (app("ada"), app("eve")),
    "a browser and an app": (browser("ada"), app("eve")),
    "a browser and a program": (browser("ada"), CURL),
    "a program and an app": (CURL, app("eve")),
    "two programs elsewhere": (CURL, Caller(address="127.0.0.2")),
    "a broken cookie elsewhere": (Caller({"Cookie": "attune_visitor=x"}), Caller({}, "127.0.0.3")),
}
THEMSELVES = {
    "a browser": (browser("ada"), browser("ada")),
    "an app": (app("ada"), app("ada")),
    "an app that moves": (app("ada"), Caller(app("ada").headers, "127.0.0.4")),
    "a program": (CURL, CURL),
    "a program with a broken cookie": (Caller({"Cookie": "attune_visitor=x"}), CURL),
    "a cookie and the same id": (browser("ada"), app("ada")),
}


@pytest.fixture(scope="module")
def place(make_practice: Callable[[], Practice]) -> tuple[Practice, Iterator[str]]:
    """A practice, and starts an hour apart, each for one use."""
    practice = make_practice()
    return practice, iter(practice.slots(to=practice.monday() + timedelta(days=20))[::4])


def wish(practice: Practice, what: str, start: str) -> dict[str, Any]:
    if what == "bookings":
        return practice.booking(start)
    return {"service": "talk", "mode": "telehealth", "start": start}


@pytest.mark.parametrize("what", ["holds", "bookings"])
@pytest.mark.parametrize(("victim", "stranger"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_neither_uses_up_a_key_nor_reads_its_answer(
    place: tuple[Practice, Iterator[str]], what: str, victim: Caller, stranger: Caller
) -> None:
    (practice, starts), key = place, str(next(_keys))
    theirs, own = next(starts), next(starts)
    assert stranger.send(practice, key, what, wish(practice, what, theirs)).status_code == 201
    wanted = wish(practice, what, own)
    first = victim.send(practice, key, what, wanted)
    assert first.status_code == 201, first.text
    copied = stranger.send(practice, key, what, wanted)
    assert copied.status_code == 409, "though all of the content is known"
    assert not {"manage_url", "hold"} & set(copied.json())
    assert victim.send(practice, key, what, wanted).json() == first.json()


@pytest.mark.parametrize("what", ["holds", "bookings"])
@pytest.mark.parametrize(("once", "again"), THEMSELVES.values(), ids=THEMSELVES)
def test_whoever_repeats_their_own_request_gets_the_first_answer(
    place: tuple[Practice, Iterator[str]], what: str, once: Caller, again: Caller
) -> None:
    (practice, starts), key = place, str(next(_keys))
    start, other = next(starts), next(starts)
    wanted = wish(practice, what, start)
    first = once.send(practice, key, what, wanted)
    repeated = again.send(practice, key, what, wanted)
    assert (first.status_code, repeated.status_code) == (201, 201), repeated.text
    assert repeated.json() == first.json()
    reused = again.send(practice, key, what, wish(practice, what, other))
    assert (reused.status_code, reused.json()["reason"]) == (409, "REQUEST_ID_REUSED")
