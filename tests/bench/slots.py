"""P2: free slots from the gateway against Flask's hello-world under the same gunicorn."""

import json
import random
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.bench import changes, client, hello
from tests.bench.measure import ratio, report
from tests.bench.running import Practice, Provider

ROUNDS = 9
_SECONDS = 2.0  # of each side of a round
_CONNECTIONS = 16
_PROVIDERS = 100
_SEARCHES = 20_000  # prepared for each round, more than are asked in it
_EVENTS = 200  # a second
_DAYS = (1, 7, 30)
_ZONES = ("America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata")
_draw = random.Random(2)  # noqa: S311  # the same searches in every run


def measure(stack: Stack) -> None:
    """Measure P2, at first while nothing changes."""
    practice = Practice.make(stack, _PROVIDERS)
    _warm_up(stack, practice.providers)
    with hello.running(stack) as theirs:
        times, seen = _slots_against_hello(practice, theirs.port)
        report("P2", "slots against Flask hello-world", times, seen)
        made, began = changes.Changes(practice), time.monotonic()
        with changes.published(stack.nats_url, made, _EVENTS):
            times, seen = _slots_against_hello(practice, theirs.port)
        rate = made.count / (time.monotonic() - began)
        report("P2", f"the same with {rate:.0f} change events a second", times, seen)
    _assert_heard(stack, practice.providers[0], made)


def _slots_against_hello(practice: Practice, hello_port: int) -> tuple[str, str]:
    """Return the ratio and the rates, with how busy the client was at most."""
    busy: list[float] = []

    def per_second(port: int, paths: Sequence[str]) -> float:
        load = client.load(port, paths, _CONNECTIONS, _SECONDS)
        busy.append(load.client_seconds * load.per_second)
        return load.per_second

    times, a, b = ratio(
        lambda: per_second(practice.world.stack.port, _searches(practice.providers)),
        lambda: per_second(hello_port, [hello.PATH]),
        ROUNDS,
    )
    return f"{times:.2f}", f"{a:.0f}/s, {b:.0f}/s; client {max(busy):.0%} of a core"


def _searches(providers: Sequence[Provider]) -> list[str]:
    return [_search(_draw.choice(providers)) for _ in range(_SEARCHES)]


def _search(provider: Provider) -> str:
    """Draw a search: 1, 7 or 30 days from some day of the coming month, in a viewer's zone."""
    first = datetime.now(UTC).date() + timedelta(days=_draw.randrange(1, 30))
    last = first + timedelta(days=_draw.choice(_DAYS) - 1)
    return _path(provider, **{"from": str(first), "to": str(last), "tz": _draw.choice(_ZONES)})


def _path(provider: Provider, **query: str) -> str:
    asked = urlencode({"service": "session", "mode": "telehealth", **query})
    return f"/api/v1/providers/{provider.username}/slots?{asked}"


def _warm_up(stack: Stack, providers: Sequence[Provider]) -> None:
    with closing(client.Connection(stack.port)) as connection:
        for provider in providers:
            assert connection.ask(client.get(_path(provider))).status == HTTPStatus.OK


def _assert_heard(stack: Stack, provider: Provider, made: changes.Changes) -> None:
    """Make sure that the events have reached the answers."""
    with closing(client.Connection(stack.port)) as connection:

        def revision() -> int:
            answer = json.loads(connection.ask(client.get(_path(provider))).body)
            return int(answer["revision"].partition(".")[0])

        until(revision, lambda reached: reached == made.revision(provider))
