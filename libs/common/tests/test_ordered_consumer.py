"""An ordered consumer through restarts of NATS, with and without its disk."""

import itertools
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from attune_local.servers import Nats, free_port
from attune_testing.waiting import until
from common import ids
from common.messaging.nats import MESSAGE_ID, STREAM, Bus, Message

pytestmark = pytest.mark.req("SL-9")
SUBJECT = "attune.test.Something"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nats]:
    """A NATS server that only this test uses and may restart."""
    started = Nats(tmp_path / "nats", free_port())
    started.start()
    yield started
    started.stop()


@pytest.fixture
def own_bus(server: Nats) -> Iterator[Bus]:
    connection = Bus(server.url, "tests")
    connection.start()
    assert connection.wait(60)
    yield connection
    connection.close()


def publish(bus: Bus, *numbers: int) -> None:
    bus.publish([Message(SUBJECT, str(n).encode(), {MESSAGE_ID: str(ids.new())}) for n in numbers])


class Received:
    """The messages that a consumer has received."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.sequences: list[int] = []
        self.restarts = 0

    def receive(self, subject: str, payload: bytes, sequence: int) -> None:
        assert subject == SUBJECT
        self.numbers.append(int(payload))
        self.sequences.append(sequence)

    def restarted(self) -> None:
        self.restarts += 1


def test_it_goes_on_where_it_was_after_nats_was_restarted(server: Nats, own_bus: Bus) -> None:
    received = Received()
    consumer = own_bus.follow([SUBJECT], 0, received.receive, received.restarted)
    publish(own_bus, 1)
    until(lambda: received.numbers == [1])
    server.stop()
    until(lambda: consumer.age > 1.5)
    server.start()
    until(lambda: own_bus.connected)
    publish(own_bus, 2, 3)
    until(lambda: received.numbers == [1, 2, 3])
    assert received.sequences == [1, 2, 3]
    until(lambda: consumer.age < 1)
    assert received.restarts == 0


def test_a_restart_before_the_first_message_repeats_nothing(server: Nats, own_bus: Bus) -> None:
    publish(own_bus, 1, 2)
    received = Received()
    consumer = own_bus.follow([SUBJECT], 2, received.receive)
    until(lambda: consumer.age < 1)
    server.stop()
    server.start()
    until(lambda: own_bus.connected and consumer.age < 1)
    publish(own_bus, 3)
    until(lambda: received.numbers == [3])


def test_it_is_told_when_the_stream_has_been_lost(server: Nats, own_bus: Bus) -> None:
    received = Received()
    own_bus.follow([SUBJECT], 0, received.receive, received.restarted)
    publish(own_bus, 1, 2, 3)
    until(lambda: len(received.numbers) == 3)
    own_bus.run(own_bus.jetstream.delete_stream(STREAM))
    server.stop()
    server.start()
    until(lambda: own_bus.connected)
    until(lambda: received.restarts == 1)
    publish(own_bus, 4)
    until(lambda: received.numbers == [1, 2, 3, 4])


def test_it_goes_on_when_the_server_has_lost_its_consumer(own_bus: Bus) -> None:
    received = Received()
    own_bus.follow([SUBJECT], 0, received.receive, received.restarted)
    publish(own_bus, 1)
    until(lambda: received.numbers == [1])
    [of_server] = own_bus.run(own_bus.jetstream.consumers_info(STREAM))
    own_bus.run(own_bus.jetstream.delete_consumer(STREAM, of_server.name))
    publish(own_bus, 2)
    until(lambda: received.numbers == [1, 2])
    assert received.restarts == 0


def test_it_starts_where_a_durable_stands(own_bus: Bus) -> None:
    publish(own_bus, 1, 2, 3)
    durable = own_bus.durable("worker", [SUBJECT])
    for _ in range(2):
        message = durable.fetch()
        assert message is not None
        durable.ack(message)
    received = Received()
    until(lambda: _floor(own_bus) == 2)
    own_bus.follow([SUBJECT], "worker", received.receive)
    until(lambda: received.numbers == [3])


def test_without_the_durable_it_starts_at_the_beginning(own_bus: Bus) -> None:
    publish(own_bus, 1)
    received = Received()
    own_bus.follow([SUBJECT], "nobody", received.receive)
    until(lambda: received.numbers == [1])


def test_it_can_be_asked_for_while_nats_is_away(tmp_path: Path) -> None:
    server = Nats(tmp_path / "nats", free_port())
    bus = Bus(server.url, "tests")
    bus.start()
    received = Received()
    consumer = bus.follow([SUBJECT], 0, received.receive)
    assert consumer.age > 1e9
    server.start()
    try:
        assert bus.wait(60)
        publish(bus, 1)
        until(lambda: received.numbers == [1])
    finally:
        bus.close()
        server.stop()


def test_it_is_current_once_it_has_received_all_that_is_there(own_bus: Bus) -> None:
    count, begun, current = 200, threading.Event(), []
    large = b"x" * 10_000  # large, so that the messages do not all arrive at once
    own_bus.publish([Message(SUBJECT, large, {MESSAGE_ID: str(ids.new())}) for _ in range(count)])

    def receive(_subject: str, _payload: bytes, _sequence: int) -> None:
        begun.wait(60)
        current.append(consumer.current)

    consumer = own_bus.follow([SUBJECT], 0, receive)
    begun.set()
    until(lambda: consumer.current > -math.inf)
    assert current == [-math.inf] * count, "some were still missing"


def test_it_stays_current_while_messages_keep_coming(own_bus: Bus) -> None:
    """NATS sends heartbeats only while it has nothing to deliver."""
    received, numbers = Received(), itertools.count()
    consumer = own_bus.follow([SUBJECT], 0, received.receive)
    publish(own_bus, next(numbers))
    until(lambda: received.numbers == [0])
    begin = consumer.current

    def publish_next() -> float:
        publish(own_bus, next(numbers))
        return consumer.current

    until(publish_next, lambda current: current > begin)


def test_it_ends(own_bus: Bus) -> None:
    received = Received()
    consumer = own_bus.follow([SUBJECT], 0, received.receive)
    publish(own_bus, 1)
    until(lambda: received.numbers == [1])
    consumer.end()
    until(lambda: consumer.age > 1)
    publish(own_bus, 2)
    assert received.numbers == [1]


def _floor(bus: Bus) -> int:
    info = bus.run(bus.jetstream.consumer_info(STREAM, "worker"))
    return info.ack_floor.stream_seq if info.ack_floor else 0
