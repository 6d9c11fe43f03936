"""Outbox, relay, consumer, inbox, dead letters, on a real NATS."""

import json
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.js.errors import APIError
from sqlalchemy import event as sql_event
from sqlalchemy import func, select, update

from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.booking.v1.events_pb2 import BookingConfirmed, BookingFact
from attune_operator.dead_letters import deliver_again
from attune_testing.waiting import until
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.messaging import consumer as consumers
from common.messaging import dead_letters
from common.messaging import nats as buses
from common.messaging.consumer import Consumer, EventContext, Handlers
from common.messaging.dead_letters import DeadLetter
from common.messaging.nats import Bus
from common.messaging.outbox import Relay, emit, outbox
from sample.store import Note
from tests.faults import Proxy

pytestmark = pytest.mark.req("PF-2")


@pytest.fixture
def relay(database: Database, bus: Bus) -> Iterator[Relay]:
    started = Relay(database, bus)
    started.start()
    yield started
    started.stop()


def run_consumer(database: Database, bus: Bus, handlers: Handlers, name: str = "") -> Consumer:
    consumer = Consumer(name or f"test-{ids.new().hex}", database, bus, handlers)
    consumer.start()
    return consumer


def waiting(database: Database) -> int:
    with database.transaction(EVERY_PRACTICE) as session:
        return session.scalar(select(func.count()).select_from(outbox)) or 0


def unacknowledged(bus: Bus, name: str) -> int:
    return bus.run(bus.jetstream.consumer_info(buses.STREAM, name)).num_ack_pending or 0


EVENTS: list[Callable[[str, str, int], Message]] = [
    lambda practice, booking, n: BookingConfirmed(
        booking=BookingFact(practice_id=practice, booking_id=booking, version=n)
    ),
    lambda practice, booking, n: ProviderChanged(
        practice_id=practice, provider_id=booking, version=n
    ),
    lambda practice, _booking, n: PracticeChanged(practice_id=practice, version=n),
]


@pytest.mark.parametrize("failing", range(6))
def test_what_fails_within_a_batch_is_not_overtaken_in_its_practice(
    database: Database, bus: Bus, failing: int
) -> None:
    """NATS refuses one event of a batch, and takes it later; other practices do not wait."""
    practice, other = ids.new(), ids.new()
    seen: dict[str, list[bytes]] = {str(practice): [], str(other): []}
    written: dict[str, list[bytes]] = {str(practice): [], str(other): []}

    def receive(_subject: str, payload: bytes, _sequence: int) -> None:
        for name, found in seen.items():
            if name.encode() in payload:
                found.append(payload)

    subjects = [make("", "", 0).DESCRIPTOR.full_name for make in EVENTS]
    last = bus.run(bus.jetstream.stream_info(buses.STREAM)).state.last_seq
    following = bus.follow(subjects, last, receive)
    for number in range(6):
        for each in (practice, other):
            event = EVENTS[number % len(EVENTS)](str(each), "a booking", number)
            written[str(each)].append(event.SerializeToString())
            emit_one(database, each, event)
    bad = outbox.c.payload == written[str(practice)][failing]
    with database.transaction(EVERY_PRACTICE) as session:
        headers = session.scalar(select(outbox.c.headers).where(bad))
        refused = json.dumps({"Nats-Expected-Stream": "ANOTHER"})
        session.execute(update(outbox).where(bad).values(headers=refused))
    relay = Relay(database, bus)
    with pytest.raises(APIError):
        relay.drain()
    until(lambda: len(seen[str(other)]) == 6)
    assert waiting(database) == 6 - failing
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(update(outbox).where(bad).values(headers=headers))
    assert relay.drain() == 6 - failing
    until(lambda: len(seen[str(practice)]) == 6)
    following.end()
    assert seen == written


@pytest.mark.usefixtures("relay")
def test_events_arrive_in_order_and_leave_the_outbox(database: Database, bus: Bus) -> None:
    practice, provider = ids.new(), str(ids.new())
    seen: list[int] = []
    handlers = Handlers()

    @handlers.on(ProviderChanged)
    def remember(event: ProviderChanged, context: EventContext) -> None:
        if event.provider_id == provider:
            seen.append(event.version)

    name = f"test-{ids.new().hex}"
    consumer = run_consumer(database, bus, handlers, name)
    for version in range(30):
        with database.transaction(practice) as session:
            emit(
                session,
                ProviderChanged(practice_id=str(practice), provider_id=provider, version=version),
            )
    until(lambda: len(seen) == 30)
    until(lambda: unacknowledged(bus, name) == 0)
    consumer.stop()
    assert seen == list(range(30))
    assert waiting(database) == 0


@pytest.mark.usefixtures("relay")
def test_a_relay_that_has_nothing_to_publish_seldom_asks(database: Database) -> None:
    """It looks for what a crash left twice a second, not all the time."""
    asked: list[float] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM outbox" in statement:
            asked.append(time.monotonic())

    until(lambda: waiting(database) == 0)
    sql_event.listen(database.engine, "before_cursor_execute", note)
    try:
        until(lambda: len(asked) > 4)
    finally:
        sql_event.remove(database.engine, "before_cursor_execute", note)
    assert asked[4] - asked[0] > 1, "half a second each"


@pytest.mark.usefixtures("relay")
def test_a_transaction_that_fails_tells_nobody(database: Database) -> None:
    practice = ids.new()

    def fail() -> None:
        with database.transaction(practice) as session:
            emit(session, PracticeChanged(practice_id=str(practice)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert waiting(database) == 0


def test_a_redelivered_event_has_its_effect_once(database: Database) -> None:
    practice = ids.new()
    handlers = Handlers()

    @handlers.on(BookingConfirmed)
    def write(event: BookingConfirmed, context: EventContext) -> None:
        context.session.add(Note(id=ids.new(), practice_id=practice))

    event = BookingConfirmed(booking=BookingFact(practice_id=str(practice)))
    subject, headers = event.DESCRIPTOR.full_name, {buses.MESSAGE_ID: str(ids.new())}
    payload = event.SerializeToString()
    assert handlers.handle(database, subject, payload, headers)
    assert not handlers.handle(database, subject, payload, headers)
    with database.transaction(practice) as session:
        assert session.scalar(select(func.count()).select_from(Note)) == 1


@pytest.mark.usefixtures("relay")
def test_poison_stops_nobody_and_becomes_a_dead_letter(
    database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays, nak = list[float](), buses.Durable.nak

    def put_off(durable: buses.Durable, message: Msg, delay: float) -> None:
        delays.append(delay)
        nak(durable, message, delay)

    monkeypatch.setattr(consumers, "DELAYS", (0.01, 0.02))
    monkeypatch.setattr(buses.Durable, "nak", put_off)
    practice = ids.new()
    name = f"test-{ids.new().hex}"
    seen: list[int] = []
    healed: list[bool] = []
    handlers = Handlers()

    @handlers.on(PracticeChanged)
    def choke(event: PracticeChanged, context: EventContext) -> None:
        if event.practice_id == str(practice):
            if event.version == 1 and not healed:
                raise ValueError("poison")
            seen.append(event.version)

    consumer = run_consumer(database, bus, handlers, name)
    for version in (1, 2):
        with database.transaction(practice) as session:
            emit(session, PracticeChanged(practice_id=str(practice), version=version))
    until(lambda: seen == [2])

    def letters() -> list[DeadLetter]:
        return [x for x in dead_letters.oldest(bus) if x.service == name]

    until(lambda: letters() != [])
    assert (delays[0], set(delays[1:])) == (0.01, {0.02}), "the last delay is repeated"
    [letter] = letters()
    assert PracticeChanged.FromString(letter.payload).version == 1
    assert (letter.subject, letter.error) == (PracticeChanged.DESCRIPTOR.full_name, "ValueError")

    healed.append(True)
    deliver_again(bus, letter)
    until(lambda: seen == [2, 1])
    assert letters() == []
    consumer.stop()


@pytest.mark.usefixtures("relay")
def test_what_fails_again_after_a_replay_is_a_dead_letter_again(
    database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even within two minutes, while the stream drops a repeated message id as a duplicate."""
    monkeypatch.setattr(consumers, "ATTEMPTS", 1)
    practice, name = ids.new(), f"test-{ids.new().hex}"
    handlers = Handlers()

    @handlers.on(PracticeChanged)
    def choke(event: PracticeChanged, context: EventContext) -> None:
        if event.practice_id == str(practice):
            raise ValueError("poison")

    consumer = run_consumer(database, bus, handlers, name)
    with database.transaction(practice) as session:
        emit(session, PracticeChanged(practice_id=str(practice)))

    def letters() -> list[DeadLetter]:
        return [x for x in dead_letters.oldest(bus) if x.service == name]

    until(lambda: letters() != [])
    [first] = letters()
    deliver_again(bus, first)
    until(lambda: [x.sequence for x in letters()] > [first.sequence])
    [second] = letters()
    consumer.stop()
    assert (second.event_id, second.payload) == (first.event_id, first.payload)


def test_dead_letters_are_listed_once_each_the_oldest_first(bus: Bus) -> None:
    name = f"test-{ids.new().hex}"
    subject = f"dead.{name}.{PracticeChanged.DESCRIPTOR.full_name}"
    for payload in (b"1", b"2", b"3"):
        bus.publish([buses.Message(subject, payload, {buses.MESSAGE_ID: str(ids.new())})])
    letters = [letter for letter in dead_letters.oldest(bus) if letter.service == name]
    assert [letter.payload for letter in letters] == [b"1", b"2", b"3"]
    assert len(dead_letters.oldest(bus, 2)) == 2
    for letter in letters:
        dead_letters.forget(bus, letter)


def test_an_event_whose_publisher_gave_it_no_id_is_handled_once(
    database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "DELAYS", (0.01,))
    practice, seen = ids.new(), list[int]()
    handlers = Handlers()

    @handlers.on(PracticeChanged)
    def remember(event: PracticeChanged, context: EventContext) -> None:
        if event.practice_id == str(practice):
            seen.append(event.version)

    consumer = run_consumer(database, bus, handlers)
    for version in (1, 2):
        event = PracticeChanged(practice_id=str(practice), version=version)
        bus.publish([buses.Message(event.DESCRIPTOR.full_name, event.SerializeToString())])
    until(lambda: len(seen) == 2)
    consumer.stop()
    assert seen == [1, 2]


@pytest.mark.usefixtures("relay")
def test_an_outage_is_not_poison(
    database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is unreachable, events wait in order, and no attempt counts."""
    monkeypatch.setattr(consumers, "ATTEMPTS", 1)
    url = database.engine.url
    assert url.host
    assert url.port
    practice, seen = ids.new(), list[int]()
    handlers = Handlers()

    with Proxy(url.port, url.host) as proxy:
        through = Database(url.set(host="127.0.0.1", port=proxy.port).render_as_string(False), 4)

        @handlers.on(PracticeChanged)
        def remember(event: PracticeChanged, context: EventContext) -> None:
            if event.practice_id == str(practice):
                seen.append(event.version)
                if len(seen) == 1:
                    proxy.refuse()
                    proxy.cut()

        consumer = run_consumer(through, bus, handlers)
        for version in (1, 2):
            with database.transaction(practice) as session:
                emit(session, PracticeChanged(practice_id=str(practice), version=version))
        until(lambda: seen == [1])
        time.sleep(1.2)  # longer than between attempts
        proxy.accept()
        until(lambda: len(seen) == 3)
        consumer.stop()
        through.close()
    assert seen == [1, 1, 2]


def test_what_nats_would_never_take_is_refused_where_it_is_made(database: Database) -> None:
    practice = ids.new()
    with pytest.raises(ValueError, match="can never be published"):
        emit_one(database, practice, PracticeChanged(practice_id="x" * buses.LARGEST))
    assert waiting(database) == 0


def emit_one(database: Database, practice: UUID, event: Message) -> None:
    with database.transaction(practice) as session:
        emit(session, event)


@pytest.mark.usefixtures("relay")
def test_a_follower_sees_everything_after_its_start(database: Database, bus: Bus) -> None:
    practice = ids.new()
    seen: list[int] = []
    subject = PracticeChanged.DESCRIPTOR.full_name

    def receive(_subject: str, payload: bytes, _sequence: int) -> None:
        event = PracticeChanged.FromString(payload)
        if event.practice_id == str(practice):
            seen.append(event.version)

    consumer = bus.follow([subject], 0, receive)
    for version in range(10):
        with database.transaction(practice) as session:
            emit(session, PracticeChanged(practice_id=str(practice), version=version))
    until(lambda: len(seen) == 10)
    consumer.end()
    assert seen == list(range(10))
