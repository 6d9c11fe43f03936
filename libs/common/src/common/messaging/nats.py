"""The connection to NATS, for synchronous code.

nats-py needs asyncio: one event loop in one thread serves the whole process.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from common.messaging import in_order, nats_tls
from common.messaging.ordered_consumer import OrderedConsumer, Receive
from common.resilience.lasting import LastingThread

log = logging.getLogger(__name__)

STREAM = "ATTUNE"
DEAD_STREAM = "ATTUNE_DEAD"
MESSAGE_ID = "Nats-Msg-Id"
EVENT_ID = "Attune-Event-Id"  # set on a replayed event, whose message id is a new one
KEPT = timedelta(days=7)
"""How long the streams keep a message."""
LARGEST = 256 * 1024
"""Bytes of one event, headers included. A dead letter has a few more headers and still stays far
below the server's default limit of 1 MiB."""
_ANSWER = 5.0  # seconds that the server may take
# Seconds until an event is delivered again after its process died. Handling may take longer: the
# second delivery then waits at the inbox for the first one's commit.
_ACK_WAIT = 10
_MOST_PENDING = 10_000  # events that wait for another attempt while later ones are handled
_TOO_LARGE = 10054  # JetStream's error code

Result = TypeVar("Result")


@dataclass(frozen=True)
class Message:
    """A message to publish; `subject` is the event's full proto name."""

    subject: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def headers_of(message: Msg) -> dict[str, str]:
    """Return the headers of a received message, with a message id if its publisher set none."""
    sequence = message.metadata.sequence.stream
    return {MESSAGE_ID: f"{STREAM}:{sequence}", **(message.headers or {})}


def event_id(headers: Mapping[str, str]) -> str:
    """Return the id of an event, which stays the same when the event is published again."""
    return headers.get(EVENT_ID) or headers[MESSAGE_ID]


class Bus:
    """A process's connection to NATS.

    It connects in the background and never gives up: a process starts and works without NATS.

    At a `tls://` address, the server's certificate must be signed by one of `authorities` (PEM;
    empty: those that the system trusts). Raises Misconfigured if they are no certificates.
    """

    def __init__(self, url: str, name: str, replicas: int = 1, authorities: str = "") -> None:
        self._tls = nats_tls.context(url, authorities)
        self._url = url
        self._name = name
        self._replicas = replicas
        self._loop = asyncio.new_event_loop()
        self._closed = threading.Event()
        self._thread = LastingThread("nats", self._loop.run_forever, self._closed)
        self._client = nats_tls.new_client(self._tls)
        self._ready = threading.Event()
        self._closing = False
        self._connecting: Future[None] | None = None
        self._ordered_consumers: list[OrderedConsumer] = []
        self.on_connect: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        """Whether NATS answers and the streams exist."""
        return self._ready.is_set() and self._client.is_connected

    def start(self) -> None:
        """Start connecting in the background."""
        self._thread.start()
        self._connecting = asyncio.run_coroutine_threadsafe(self._connect(), self._loop)

    def is_well(self) -> bool:
        """Return whether the thread of the event loop does its work, with or without NATS."""
        return self._thread.is_well()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for NATS and return whether it is connected."""
        return self._ready.wait(seconds) and self._client.is_connected

    async def _connect(self) -> None:
        while not self._closing:
            try:
                await self._client.connect(
                    self._url,
                    name=self._name,
                    tls=self._tls,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    connect_timeout=2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    # Refuse a message at once while disconnected; the outbox keeps it.
                    pending_size=-1,
                    error_cb=_on_error,
                    reconnected_cb=self._reconnected,
                    disconnected_cb=_on_disconnect,
                )
                await self._declare_streams()
            except (
                Exception
            ) as error:  # a process never gives up, even if another program answers at the address
                log.warning("cannot reach NATS: %s", type(error).__name__)
                with contextlib.suppress(Exception):
                    await self._client.close()
                self._client = nats_tls.new_client(self._tls)
                await asyncio.sleep(0.5)
            else:
                self._ready.set()
                await self._notify_connected()
                return

    async def _reconnected(self) -> None:
        log.info("NATS is connected again")
        # A server that lost its disk has lost the streams as well.
        while not self._closing and self._client.is_connected:
            try:
                await self._declare_streams()
            except Exception as error:  # as above
                log.warning("NATS is not ready yet: %s", type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                break
        await self._notify_connected()

    async def _notify_connected(self) -> None:
        for consumer in self._ordered_consumers:
            consumer.reconnected()
        for callback in list(self.on_connect):
            try:
                await self._loop.run_in_executor(None, callback)
            except Exception:  # the others are still to be called
                log.exception("a callback on the connection to NATS failed")

    async def _declare_streams(self) -> None:
        stream = self._client.jetstream(timeout=_ANSWER)
        for name, subjects in ((STREAM, ["attune.>"]), (DEAD_STREAM, ["dead.>"])):
            config = StreamConfig(
                name=name,
                subjects=subjects,
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_age=KEPT.total_seconds(),
                num_replicas=self._replicas,
                duplicate_window=120,
                max_msg_size=LARGEST if name == STREAM else None,
            )
            try:
                found = (await stream.stream_info(name)).config
            except NotFoundError:
                await stream.add_stream(config)
            else:
                if (found.max_msg_size, config.max_msg_size) == (-1, LARGEST):
                    await stream.update_stream(config)

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float = _ANSWER) -> Result:
        """Run a coroutine on the event loop and return its result.

        Raises TimeoutError after `timeout` seconds.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    @property
    def jetstream(self) -> JetStreamContext:
        return self._client.jetstream(timeout=_ANSWER)

    def publish(self, messages: Sequence[Message]) -> list[Message]:
        """Publish messages in order, and return those that NATS refuses as too large.

        All others are stored when this returns. Raises if NATS did not store one of them.
        """
        return self.run(self._publish(messages), timeout=2 * _ANSWER)

    def publish_in_order(self, grouped: Sequence[Sequence[Message]]) -> in_order.Outcome[Message]:
        """Publish groups of messages side by side, each in order, and return what became of them.

        Raises only if NATS cannot be reached at all.
        """
        stream = self.jetstream
        publishing = in_order.publish(
            grouped,
            lambda m: stream.publish(m.subject, m.payload, headers=dict(m.headers)),
            _is_too_large,
            _ANSWER,
        )
        return self.run(publishing, timeout=3 * _ANSWER)

    async def _publish(self, messages: Sequence[Message]) -> list[Message]:
        stream = self.jetstream
        # Order holds: tasks start in the order of their creation, and each writes before it waits.
        answers = await asyncio.gather(
            *(stream.publish(m.subject, m.payload, headers=dict(m.headers)) for m in messages),
            return_exceptions=True,
        )
        refused = []
        for message, answer in zip(messages, answers, strict=True):
            if _is_too_large(answer):
                refused.append(message)
            elif isinstance(answer, BaseException):
                raise answer
        return refused

    def durable(self, name: str, subjects: Sequence[str]) -> "Durable":
        """Return a service's durable consumer of `subjects`, which is created or updated."""
        config = ConsumerConfig(
            durable_name=name,
            filter_subjects=list(subjects),
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=_ACK_WAIT,
            max_ack_pending=_MOST_PENDING,
        )

        async def bind() -> JetStreamContext.PullSubscription:
            await self.jetstream.add_consumer(STREAM, config)
            return await self.jetstream.pull_subscribe_bind(name, STREAM)

        return Durable(self, self.run(bind()))

    def follow(
        self,
        subjects: Sequence[str],
        after: int | str,
        receive: Receive,
        restarted: Callable[[], None] = lambda: None,
    ) -> OrderedConsumer:
        """Pass every message of `subjects` to `receive`, in order, until the process ends.

        `after` is a stream sequence, or the name of a durable: then the messages follow that the
        durable has not acknowledged. `receive` runs on the event loop and must not block.
        `restarted` is called when the stream has lost messages for good. Works without NATS, too.
        """
        consumer = OrderedConsumer(
            STREAM, subjects, after, receive, restarted, lambda: self._client
        )
        self._ordered_consumers.append(consumer)
        consumer.start(self._loop)
        return consumer

    def __enter__(self) -> "Bus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. NATS delivers messages without acknowledgement again."""
        if not self._thread.is_alive():
            return
        self._closing = True
        if self._connecting and not self._connecting.done():
            self._connecting.cancel()
        for consumer in self._ordered_consumers:
            consumer.end()
        with contextlib.suppress(Exception):
            self.run(self._client.close(), timeout=2)
        self._closed.set()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)
        self._loop.close()


class Durable:
    """One service's position in the stream, shared by its replicas."""

    def __init__(self, bus: Bus, subscription: JetStreamContext.PullSubscription) -> None:
        self._bus = bus
        self._subscription = subscription

    def fetch(self, timeout: float = 1.0) -> Msg | None:
        """Return the next message, or None after `timeout` seconds.

        One message at a time: larger fetches stall (nats.py #933).
        """
        try:
            messages = self._bus.run(self._subscription.fetch(1, timeout=timeout), timeout + 2)
        except (TimeoutError, nats.errors.TimeoutError):
            return None
        return messages[0] if messages else None

    def ack(self, message: Msg) -> None:
        """Acknowledge a message that was handled."""
        self._bus.run(message.ack())

    def nak(self, message: Msg, delay: float) -> None:
        """Have a message delivered again after `delay` seconds."""
        self._bus.run(message.nak(delay=delay))

    def keep(self, message: Msg) -> None:
        """Keep a message from being delivered again while it is being handled."""
        self._bus.run(message.in_progress())

    def term(self, message: Msg) -> None:
        """Have a message never delivered again."""
        self._bus.run(message.term())


def _is_too_large(answer: object) -> bool:
    return isinstance(answer, nats.errors.MaxPayloadError) or (
        isinstance(answer, APIError) and answer.err_code == _TOO_LARGE
    )


async def _on_error(error: Exception) -> None:
    if str(error):
        log.warning("NATS: %s", type(error).__name__)


async def _on_disconnect() -> None:
    log.warning("NATS is disconnected")
