"""S1: the disk space of one booking, from the request until both emails are sent, in each database
and in the stream of events."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from itertools import islice

import psycopg

from attune_local.stack import Stack
from common.messaging.nats import STREAM, Bus
from common.services import GATEWAY, SERVICES, package
from tests.bench.client import Connection
from tests.bench.mails import Mails
from tests.bench.measure import report
from tests.bench.running import Practice

_PROVIDERS = 12
_BOOKINGS = 500
_CALLERS = 4
_PASSING = frozenset({"inbox", "outbox", "due", "idempotency"})
"""Tables whose rows are deleted after days at most."""
_ONLY_HERE = frozenset({"development_messages"})
_SIZES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def measure(stack: Stack) -> None:
    """Measure S1: compact all tables before and after some bookings, and compare their sizes."""
    requests = iter(Practice.make(stack, _PROVIDERS).booking_requests())
    with Mails(stack) as mails, Bus(stack.nats_url, "bench") as bus:
        bus.start()
        assert bus.wait(60)
        _book(stack, requests, mails, _CALLERS)  # pages that are begun, whatever comes
        sizes, events = _sizes(stack), _events(bus)
        _book(stack, requests, mails, _BOOKINGS)
        grown = _sizes(stack)
        grown.subtract(sizes)
        count, size = (after - before for after, before in zip(_events(bus), events, strict=True))
    for service in (*SERVICES, GATEWAY):
        _report(service, {table: n for (of, table), n in grown.items() if of == service})
    _report("all", {f"{of}.{table}": n for (of, table), n in grown.items()})
    seen = f"{count / _BOOKINGS:.1f} events, {size / _BOOKINGS:,.0f} bytes a booking"
    report("S1", "the stream of events", "", seen)


def _book(stack: Stack, requests: Iterator[bytes], mails: Mails, count: int) -> None:
    def book(part: list[bytes]) -> None:
        with closing(Connection(stack.port)) as connection:
            for request in part:
                answer = connection.ask(request)
                assert answer.status == HTTPStatus.CREATED, answer.body
                mails.wait(json.loads(answer.body)["id"])

    wanted = list(islice(requests, count))
    assert len(wanted) == count
    with ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(book, (wanted[caller::_CALLERS] for caller in range(_CALLERS))))


def _sizes(stack: Stack) -> Counter[tuple[str, str]]:
    """Return the bytes of each table with its indexes, after compacting it, by service and name."""
    found: Counter[tuple[str, str]] = Counter()
    for service in (*SERVICES, GATEWAY):
        url = f"{stack.postgres_url}/{package(service)}"
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("VACUUM FULL")
            for table, size in database.execute(_SIZES):
                found[service, table] = size
    return found


def _events(bus: Bus) -> tuple[int, int]:
    """Return the number of events in the stream, and their bytes."""
    state = bus.run(bus.jetstream.stream_info(STREAM)).state
    return state.messages, state.bytes


def _report(what: str, grown: dict[str, int]) -> None:
    kept: dict[str, float] = {}
    passing = 0.0
    for name, size in grown.items():
        table = name.rpartition(".")[2]
        if table in _PASSING:
            passing += size / _BOOKINGS
        elif table not in _ONLY_HERE:
            kept[name] = size / _BOOKINGS
    largest = sorted((n for n in kept if kept[n] >= 1), key=lambda n: -kept[n])[:4]
    parts = ", ".join(f"{name} {kept[name]:,.0f}" for name in largest)
    seen = f"{sum(kept.values()):,.0f} bytes a booking kept ({parts}); {passing:,.0f} for days"
    report("S1", f"tables of {what}", "", seen)
