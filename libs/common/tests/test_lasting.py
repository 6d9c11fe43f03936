"""Threads that must live: what ends their work, and how readiness notices."""

import contextlib
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event as sql_event

from attune.availability.v1.events_pb2 import ProviderChanged
from attune_testing.waiting import until
from common import audit, ids
from common.audit import Sealer
from common.clock import SystemClock
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.jobs import Job, JobContext, Jobs
from common.jobs.schedule import schedule
from common.jobs.worker import Worker
from common.messaging.consumer import Consumer, EventContext, Handlers
from common.messaging.nats import Bus
from common.messaging.outbox import Relay, emit
from common.resilience import lasting
from common.resilience.lasting import LastingThread

pytestmark = pytest.mark.req("PF-13")


class Fall(BaseException):
    """What no handler of errors expects, as SystemExit from a library."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "PAUSE", 0.05)


@contextlib.contextmanager
def falling(database: Database, thread: str) -> Iterator[list[str]]:
    """Let the first statement of a thread fail with Fall; yield the statements that did."""
    fallen: list[str] = []

    def fall(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name == thread and not fallen:
            fallen.append(statement)
            raise Fall

    sql_event.listen(database.engine, "before_cursor_execute", fall)
    try:
        yield fallen
    finally:
        sql_event.remove(database.engine, "before_cursor_execute", fall)


def changed(practice: object) -> ProviderChanged:
    return ProviderChanged(practice_id=str(practice), provider_id=str(ids.new()), version=1)


def sealer(database: Database, _bus: Bus) -> tuple[Any, Callable[[], object]]:
    """Return a sealer, and a function that gives it something to do and waits until it is done."""

    def work() -> None:
        with database.transaction(ids.new()) as session:
            audit.record(session, "client.read", client=ids.new())

        def waiting() -> int:
            with database.transaction(EVERY_PRACTICE) as session:
                return audit.verify(session, audit.Chain("sample")).waiting

        until(lambda: not waiting())

    return Sealer(database), work


def relay(database: Database, bus: Bus) -> tuple[Any, Callable[[], object]]:
    """Return a relay, and work that shows that it still publishes."""

    def work() -> None:
        practice, seen = ids.new(), list[bytes]()
        sent = changed(practice)
        subject = sent.DESCRIPTOR.full_name
        after = bus.run(bus.jetstream.stream_info("ATTUNE")).state.last_seq
        following = bus.follow([subject], after, lambda _s, payload, _n: seen.append(payload))
        with database.transaction(practice) as session:
            emit(session, sent)
        until(lambda: sent.SerializeToString() in seen)
        following.end()

    return Relay(database, bus), work


def consumer(database: Database, bus: Bus) -> tuple[Any, Callable[[], object]]:
    """Return the same for a consumer.

    The event during which it failed is redelivered much later.
    """
    handlers, seen = Handlers(), list[str]()

    @handlers.on(ProviderChanged)
    def note(event: ProviderChanged, _context: EventContext) -> None:
        seen.append(event.provider_id)

    def work() -> None:
        sent = [changed(ids.new()) for _ in range(2)]
        out = Relay(database, bus)
        for each in sent:
            with database.transaction(ids.parse(each.practice_id, "")) as session:
                emit(session, each)
        while out.drain():
            pass
        until(lambda: sent[1].provider_id in seen)

    return Consumer(f"test-{ids.new().hex}", database, bus, handlers), work


def worker(database: Database, _bus: Bus) -> tuple[Any, Callable[[], object]]:
    """Return the same for a worker."""
    jobs, done = Jobs(), list[str]()
    kind = f"test_{ids.new().hex}"

    @jobs.on(kind)
    def do(job: Job, _context: JobContext[Any]) -> None:
        done.append(job.key)

    def work() -> None:
        key, practice = ids.new().hex, ids.new()
        with database.transaction(practice) as session:
            schedule(session, kind, key, practice, datetime.now(UTC), now=True)
        until(lambda: key in done)

    return Worker(database, SystemClock(), jobs, poll=0.05), work


@pytest.mark.parametrize(
    ("thread", "make"),
    [("sealer", sealer), ("relay", relay), ("consumer", consumer), ("jobs-default", worker)],
)
def test_work_that_falls_begins_again_and_readiness_knows(
    database: Database,
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
    thread: str,
    make: Callable[[Database, Bus], tuple[Any, Callable[[], object]]],
) -> None:
    part, work = make(database, bus)
    assert not part.is_well(), "it has not been started"
    with falling(database, thread) as fallen:
        part.start()
        try:
            work()
            assert fallen
            assert not part.is_well(), "it fell a moment ago"
            monkeypatch.setattr(lasting, "_PROBATION", 0)
            assert part.is_well()
        finally:
            part.stop()
    assert not part.is_well()


def test_the_loop_of_nats_runs_again(nats_url: str) -> None:
    with Bus(nats_url, "tests") as bus:
        bus.start()
        assert bus.wait(60)
        bus._loop.call_soon_threadsafe(sys.exit)
        until(lambda: not bus.is_well())
        assert bus.run(bus.jetstream.stream_info("ATTUNE"), 10).config.name == "ATTUNE"


@pytest.mark.parametrize("error", [Fall, SystemExit, MemoryError, RecursionError, KeyError, None])
def test_work_begins_again_whatever_has_ended_it(error: type[BaseException] | None) -> None:
    over, begun = threading.Event(), list[int]()

    def work() -> None:
        begun.append(1)
        if len(begun) < 3 and error:
            raise error
        if len(begun) >= 3:
            over.wait()

    thread = LastingThread("test", work, over)
    thread.start()
    until(lambda: len(begun) == 3)
    assert thread.is_alive()
    over.set()
    thread.join(10)
    assert (thread.is_alive(), thread.is_well(), len(begun)) == (False, False, 3)


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"INFO {not json}\r\n",
        b"INFO []\r\n",
        b"INFO 7\r\n",
        b"INFO\r\n",
        b'INFO {"max_payload": "x", "connect_urls": 7}\r\n',
        b"\xff\xfe\r\n",
    ],
)
def test_whatever_answers_in_the_place_of_nats_is_tried_again(greeting: bytes) -> None:
    calls: list[int] = []

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(1)
            with contextlib.suppress(OSError):
                self.request.sendall(greeting)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Bus(f"nats://127.0.0.1:{server.server_address[1]}", "tests") as bus:
            bus.start()
            until(lambda: len(calls) >= 2)
            assert bus.is_well()
            assert not bus.connected
        server.shutdown()
