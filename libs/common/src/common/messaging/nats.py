"""The connection to NATS. nats-py needs asyncio: one loop in one thread serves the process, and
everything else stays synchronous."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
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

from common.messaging.ordered_consumer import Following, Receive

log = logging.getLogger(__name__)

STREAM = "ATTUNE"
DEAD_STREAM = "ATTUNE_DEAD"
MESSAGE_ID = "Nats-Msg-Id"
EVENT_ID = "Attune-Event-Id"  # of a replayed event, whose message id is new
ERROR = "Attune-Error"
KEPT = timedelta(days=7)
LARGEST = 256 * 1024
"""Bytes of one event, headers included; a dead letter has a little more, and still is far from
what NATS takes by default (1 MiB)."""
_ANSWER = 5.0  # seconds that the server may take
# Seconds until the event that a process died with is delivered again. Handling may take longer:
# whoever has it then waits at the inbox for the first one's commit.
_ACK_WAIT = 10
_MOST_PENDING = 10_000  # events that wait for another attempt while others go on
_TOO_LARGE = 10054  # JetStream's error code

Result = TypeVar("Result")


@dataclass(frozen=True)
class Message:
    """What is published: `subject` is the event's full proto name."""

    subject: str
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeadLetter:
    """An event that a service could not handle."""

    sequence: int
    service: str
    subject: str
    event_id: str
    error: str
    time: datetime
    payload: bytes
    headers: Mapping[str, str]


def headers_of(message: Msg) -> dict[str, str]:
    """The headers of what was received; with a message id, should its publisher have set none."""
    place = message.metadata.sequence.stream
    return {MESSAGE_ID: f"{STREAM}:{place}", **(message.headers or {})}


def event_id(headers: Mapping[str, str]) -> str:
    """By which an event is known, however often it was published."""
    return headers.get(EVENT_ID) or headers[MESSAGE_ID]


def dead_letter(service: str, message: Msg, error: str) -> Message:
    """What is kept of an event that the service could not handle."""
    received = headers_of(message)
    known = event_id(received)
    return Message(
        f"dead.{service}.{message.subject}",
        message.data,
        {
            # Of headers that mean something to NATS, none.
            **{name: text for name, text in received.items() if not name.startswith("Nats-")},
            # Neither another service's dead letter of the event nor an earlier one, which was
            # replayed, is the same.
            MESSAGE_ID: f"{service}:{known}:{message.metadata.sequence.stream}",
            EVENT_ID: known,
            ERROR: error,
        },
    )


class Bus:
    """NATS, for synchronous code. Connects in the background and for ever: a process starts and
    works while NATS is away."""

    def __init__(self, url: str, name: str, replicas: int = 1) -> None:
        self._url = url
        self._name = name
        self._replicas = replicas
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._client = Client()
        self._ready = threading.Event()
        self._closing = False
        self._connecting: Future[None] | None = None
        self._followings: list[Following] = []
        self.on_connect: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        """Whether NATS answers and the streams stand."""
        return self._ready.is_set() and self._client.is_connected

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()
        self._connecting = asyncio.run_coroutine_threadsafe(self._connect(), self._loop)

    def wait(self, seconds: float) -> bool:
        """Whether NATS is there within so many seconds."""
        return self._ready.wait(seconds) and self._client.is_connected

    async def _connect(self) -> None:
        while not self._closing:
            try:
                await self._client.connect(
                    self._url,
                    name=self._name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    connect_timeout=2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    # A message that cannot leave now is refused at once; the outbox keeps it.
                    pending_size=-1,
                    error_cb=_on_error,
                    reconnected_cb=self._reconnected,
                    disconnected_cb=_on_disconnect,
                )
                await self._declare_streams()
            except (OSError, TimeoutError, nats.errors.Error) as error:
                log.warning("NATS cannot be reached: %s", type(error).__name__)
                with contextlib.suppress(Exception):
                    await self._client.close()
                self._client = Client()
                await asyncio.sleep(0.5)
            else:
                self._ready.set()
                await self._tell_connected()
                return

    async def _reconnected(self) -> None:
        log.info("NATS is back")
        # A server that lost its disk has lost the streams, too.
        while not self._closing and self._client.is_connected:
            try:
                await self._declare_streams()
            except (TimeoutError, nats.errors.Error) as error:
                log.warning("NATS is not ready yet: %s", type(error).__name__)
                await asyncio.sleep(0.5)
            else:
                break
        await self._tell_connected()

    async def _tell_connected(self) -> None:
        for following in self._followings:
            following.reconnected()
        for told in list(self.on_connect):
            await self._loop.run_in_executor(None, told)

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
        """Run a coroutine on the loop and wait for its result."""
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
        """Publish in this order; returns when all are stored, but for those that are returned: NATS
        will never take them, they are too large. Raises if any other was not stored."""
        return self.run(self._publish(messages), timeout=2 * _ANSWER)

    async def _publish(self, messages: Sequence[Message]) -> list[Message]:
        stream = self.jetstream
        # Tasks start in the order in which they are made, and each writes before it first waits.
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
        """The service's durable consumer of these subjects, made or updated."""
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
    ) -> Following:
        """Give every replica every message after a stream sequence, or all that the durable of
        that name has not handled, in order, without acknowledgement, for as long as the process
        lives: after an interruption it goes on where it was.

        `receive(subject, payload, sequence)` runs on the loop and must not block; `restarted()`
        says that messages were lost for good. Can be called while NATS is away.
        """
        following = Following(STREAM, subjects, after, receive, restarted, lambda: self._client)
        self._followings.append(following)
        following.start(self._loop)
        return following

    def dead_letters(self, limit: int = 1000) -> list[DeadLetter]:
        """The oldest dead letters."""

        async def read() -> list[DeadLetter]:
            letters: list[DeadLetter] = []
            with contextlib.suppress(NotFoundError):  # there are no more
                while len(letters) < limit:
                    letters.append(await self._dead_letter(letters[-1].sequence if letters else 0))
            return letters

        return self.run(read(), timeout=60)

    async def _dead_letter(self, after: int) -> DeadLetter:
        found = await self.jetstream.get_msg(DEAD_STREAM, after + 1, "dead.>", next=True)
        _, service, subject = (found.subject or "").split(".", 2)
        headers = dict(found.headers or {})
        return DeadLetter(
            sequence=found.seq or 0,
            service=service,
            subject=subject,
            event_id=event_id(headers),
            error=headers.get(ERROR, ""),
            time=found.time or datetime.fromtimestamp(0, UTC),
            payload=found.data or b"",
            headers=headers,
        )

    def forget(self, letter: DeadLetter) -> None:
        """Remove a dead letter."""
        self.run(self.jetstream.delete_msg(DEAD_STREAM, letter.sequence))

    def __enter__(self) -> "Bus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; what was not acknowledged is delivered again."""
        if not self._thread.is_alive():
            return
        self._closing = True
        if self._connecting and not self._connecting.done():
            self._connecting.cancel()
        for following in self._followings:
            following.end()
        with contextlib.suppress(Exception):
            self.run(self._client.close(), timeout=2)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)
        self._loop.close()


class Durable:
    """One service's place in the stream, shared by its replicas."""

    def __init__(self, bus: Bus, subscription: JetStreamContext.PullSubscription) -> None:
        self._bus = bus
        self._subscription = subscription

    def fetch(self, timeout: float = 1.0) -> Msg | None:
        """The next message, or None. One at a time: larger fetches stall (nats.py #933)."""
        try:
            messages = self._bus.run(self._subscription.fetch(1, timeout=timeout), timeout + 2)
        except (TimeoutError, nats.errors.TimeoutError):
            return None
        return messages[0] if messages else None

    def ack(self, message: Msg) -> None:
        self._bus.run(message.ack())

    def nak(self, message: Msg, delay: float) -> None:
        """Deliver it again after so many seconds."""
        self._bus.run(message.nak(delay=delay))

    def keep(self, message: Msg) -> None:
        """It is still being worked on: nobody else is to get it."""
        self._bus.run(message.in_progress())

    def term(self, message: Msg) -> None:
        """Never deliver it again."""
        self._bus.run(message.term())


def _is_too_large(answer: object) -> bool:
    return isinstance(answer, nats.errors.MaxPayloadError) or (
        isinstance(answer, APIError) and answer.err_code == _TOO_LARGE
    )


async def _on_error(error: Exception) -> None:
    if str(error):
        log.warning("NATS: %s", type(error).__name__)


async def _on_disconnect() -> None:
    log.warning("NATS is away")
