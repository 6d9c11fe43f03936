"""What a process measures: durations, events, jobs, and the work that waits."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from attune.availability.v1.events_pb2 import PracticeChanged
from attune_testing.clock import TestClock, utc
from attune_testing.measurements import Measurements
from attune_testing.waiting import until
from common import gauges, ids, telemetry
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Unavailable
from common.jobs.jobs import Job, JobContext, Jobs, Later
from common.jobs.schedule import schedule
from common.jobs.worker import Worker
from common.messaging import consumer as consumers
from common.messaging import outbox
from common.messaging.consumer import Consumer, EventContext, Handlers
from common.messaging.nats import Bus, Message
from common.messaging.outbox import Relay, emit

pytestmark = pytest.mark.req("PF-12")


def test_a_counter_begins_at_zero(measurements: Measurements) -> None:
    counter = telemetry.Counter("test.zero", "A test", [{"outcome": "never"}])
    assert measurements.points("test.zero") == []
    counter.begin()
    assert [point.value for point in measurements.points("test.zero")] == [0]


def test_a_gauge_that_cannot_be_read_sends_nothing(
    measurements: Measurements, caplog: pytest.LogCaptureFixture
) -> None:
    values: list[float | None] = [7.0, None]
    telemetry.gauge("test.gauge", "s", "A test", lambda: values.pop(0))
    assert measurements.total("test.gauge") == 7.0
    assert measurements.points("test.gauge") == []
    assert measurements.points("test.gauge") == [], "there are no more values: it raises"
    assert caplog.records == []


def test_the_use_of_connections_is_measured(database: Database, measurements: Measurements) -> None:
    database.report_usage()
    assert measurements.total("attune.db.pool.usage") == 0
    with database.transaction(EVERY_PRACTICE):
        assert 0 < measurements.total("attune.db.pool.usage") < 1
    assert measurements.total("attune.db.pool.usage") == 0


@pytest.fixture
def waiting(database: Database, bus: Bus) -> "Waiting":
    return Waiting(database, bus)


class Waiting:
    """The gauges of a service that no other test has."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.name = f"test-{ids.new().hex}"
        self.clock = TestClock(utc("2026-03-01 12:00"))
        self.stopping = threading.Event()
        gauges.waiting_work(self.name, database, bus, self.clock, self.stopping)


def test_waiting_work_is_measured_until_the_end(
    database: Database, bus: Bus, measurements: Measurements, waiting: Waiting
) -> None:
    """One test, since the gauges of a process have one name each."""
    practice, kind = ids.new(), f"test-{ids.new()}"
    relay = Relay(database, bus)
    while relay.drain():
        pass
    Worker(database, TestClock(utc("2100-01-01 00:00")), leftovers(database)).work_all()
    assert [measurements.total(name) for name in AGES] == [0, 0]
    with database.transaction(practice) as session:
        emit(session, PracticeChanged(practice_id=str(practice)))
        schedule(session, kind, "x", practice, waiting.clock.now() - timedelta(seconds=50))
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("UPDATE outbox SET created_at = created_at - interval '90 s'"))
    assert measurements.total("attune.outbox.age") >= 90
    assert measurements.total("attune.jobs.overdue") == 50
    relay.drain()
    with database.transaction(practice) as session:
        session.execute(text("DELETE FROM due WHERE kind = :kind"), {"kind": kind})
    assert [measurements.total(name) for name in AGES] == [0, 0]

    assert measurements.total("attune.dead_letters") == 0
    letter = f"dead.{waiting.name}.{PracticeChanged.DESCRIPTOR.full_name}"
    bus.publish([Message(letter, b""), Message("dead.another.x", b"")])
    assert measurements.total("attune.dead_letters") == 1

    waiting.stopping.set()
    assert [measurements.points(name) for name in (*AGES, "attune.dead_letters")] == [[], [], []]


AGES = ("attune.outbox.age", "attune.jobs.overdue")


def leftovers(database: Database) -> Jobs:
    """Return jobs that do nothing, of all kinds that earlier tests have planned."""
    with database.transaction(EVERY_PRACTICE) as session:
        kinds = session.scalars(text("SELECT DISTINCT kind FROM due")).all()
    jobs = Jobs()
    for kind in kinds or ["none"]:
        jobs.on(kind)(lambda _job, _context: None)
    return jobs


def test_the_time_until_an_event_is_handled_is_measured(
    database: Database, bus: Bus, measurements: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event once, however often it is tried; the time runs from its publication on."""
    monkeypatch.setattr(consumers, "DELAYS", (0.3,))
    practice, name, tries = ids.new(), f"test-{ids.new().hex}", list[int]()
    handlers = Handlers()

    @handlers.on(PracticeChanged)
    def fail_once(event: PracticeChanged, context: EventContext) -> None:
        if event.practice_id == str(practice):
            tries.append(event.version)
            if len(tries) == 1:
                raise ValueError

    relay = Relay(database, bus)
    with database.transaction(practice) as session:
        emit(session, PracticeChanged(practice_id=str(practice), version=1))
    published = measurements.total("attune.events.published", event=handlers_kind(handlers))
    count = relay.drain()
    after = measurements.total("attune.events.published", event=handlers_kind(handlers))
    assert 1 <= after - published <= count
    consumer = Consumer(name, database, bus, handlers)
    consumer.start()
    until(lambda: tries == [1, 1])
    consumer.stop()
    points = measurements.points("attune.event.lag", consumer=name)
    assert sum(point.count for point in points) >= 1
    assert max(point.max for point in points) >= 0.3, "the attempt that failed is included"
    assert {30.0, 60.0} <= set(points[0].explicit_bounds), "the thresholds of objectives"


def handlers_kind(handlers: Handlers) -> str:
    [kind] = handlers.by_subject
    return kind


def test_attempts_to_do_jobs_are_counted(database: Database, measurements: Measurements) -> None:
    practice, kind = ids.new(), f"test-{ids.new()}"
    clock = TestClock(utc("2026-03-01 12:00"))
    outcomes: list[Callable[[], None]] = [
        raising(Later(clock.now())),
        raising(Unavailable()),
        raising(ValueError()),
        lambda: None,
    ]
    jobs = Jobs()

    @jobs.on(kind)
    def do(_job: Job, _context: JobContext[None]) -> None:
        outcomes.pop(0)()

    with database.transaction(practice) as session:
        schedule(session, kind, "x", practice, clock.now())
    worker = Worker(database, clock, jobs)
    while outcomes:
        worker.work_all()
        clock.advance(timedelta(minutes=10))
    counts = {
        outcome: measurements.total("attune.jobs.attempts", kind=kind, outcome=outcome)
        for outcome in ("done", "postponed", "failed")
    }
    assert counts == {"done": 1, "postponed": 2, "failed": 1}


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_events_are_counted_from_zero(measurements: Measurements) -> None:
    outbox.begin_counts("availability")
    outbox.begin_counts("calendar_sync")
    events = "attune.availability.v1.ProviderChanged"
    assert [p.attributes["event"] for p in measurements.points(PUBLISHED, event=events)] == [events]
    outbox.begin_counts("booking")
    counted = {p.attributes["event"].rpartition(".")[2] for p in measurements.points(PUBLISHED)}
    assert {"BookingConfirmed", "TakenTimeChanged"} <= counted
    assert "BookingFact" not in counted, "a part of events"


PUBLISHED = "attune.events.published"
