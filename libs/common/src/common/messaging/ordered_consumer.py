"""An ordered consumer: every replica receives every event, in order and without gaps.

The ordered consumer of nats-py starts over at the first message of the stream when its connection
breaks before the first message, and it does not say whether it has caught up. This one resumes at
the right message and says how current it is.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

log = logging.getLogger(__name__)

HEARTBEAT = 0.5
"""Seconds after which the server sends a heartbeat when it has nothing to deliver."""
_SILENCE = 4 * HEARTBEAT  # seconds without a word after which the consumer counts as lost
_PAUSE = 0.1  # seconds between attempts
_ANSWER = 2.0  # seconds that the server may take

Receive = Callable[[str, bytes, int], None]
"""Takes the subject, the payload, and the stream sequence of a message."""


class OrderedConsumer:
    """One replica's position in the stream, kept through interruptions."""

    def __init__(
        self,
        stream: str,
        subjects: Sequence[str],
        after: int | str,
        receive: Receive,
        restarted: Callable[[], None],
        client: Callable[[], Client],
    ) -> None:
        self._stream = stream
        self._subjects = list(subjects)
        self._after = after
        self._receive = receive
        self._restarted = restarted
        self._client = client
        self._sequence: int | None = None  # of the newest message that was received
        self._created: datetime | None = None  # tells a new stream of the same name from the old
        self._attempt: _Attempt | None = None
        self._current = -math.inf
        self._running: Future[None] | None = None
        self._ended = False

    @property
    def current(self) -> float:
        """The last moment, by `time.monotonic`, at which no message was known to be missing.

        It is `-inf` before the first such moment, and at most a heartbeat old while NATS answers.
        """
        return self._current

    @property
    def age(self) -> float:
        """Seconds since `current`."""
        return time.monotonic() - self._current

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Consume on `loop` until `end` is called."""
        self._running = asyncio.run_coroutine_threadsafe(self._run(), loop)

    def end(self) -> None:
        """Stop receiving messages."""
        # asyncio.wait_for of Python 3.11 can lose a cancellation (python/cpython#86296).
        self._ended = True
        if self._running:
            self._running.cancel()

    def reconnected(self) -> None:
        """Replace the server's consumer at once, since the connection is a new one."""
        if self._attempt:
            self._attempt.over.set()

    async def _run(self) -> None:
        while not self._ended:
            try:
                if self._client().is_connected:
                    await self._consume(self._client())
            except Exception as error:  # the position is kept, so any failure can be tried again
                log.warning("cannot follow events: %s", type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _consume(self, client: Client) -> None:
        """Receive messages until the server's consumer is lost or skips a message."""
        jetstream = client.jetstream(timeout=_ANSWER)
        sequence = await self._find_sequence(jetstream)
        attempt = self._attempt = _Attempt(self._take)
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=attempt.receive)
        try:
            config = ConsumerConfig(
                deliver_subject=inbox,
                filter_subjects=self._subjects,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=sequence + 1,
                ack_policy=AckPolicy.NONE,
                idle_heartbeat=HEARTBEAT,
                inactive_threshold=10 * HEARTBEAT,
                mem_storage=True,
                num_replicas=1,
            )
            info: ConsumerInfo = await jetstream.add_consumer(self._stream, config)
            if not info.num_pending:
                self._current = time.monotonic()
            while not (self._ended or attempt.is_over):
                await attempt.wait()
        finally:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()

    async def _find_sequence(self, jetstream: JetStreamContext) -> int:
        """Return the sequence to resume after, and report messages that the stream has lost."""
        info = await jetstream.stream_info(self._stream)
        if self._sequence is None:
            self._sequence = await self._first_sequence(jetstream)
        first = max(info.state.first_seq, 1)
        same = self._created in (None, info.created) and self._sequence <= info.state.last_seq
        if not same or self._sequence < first - 1:
            if self._created is not None:
                log.warning("events were missed: the stream was recreated or has dropped them")
                self._restarted()
            self._sequence = first - 1
        self._created = info.created
        return self._sequence

    async def _first_sequence(self, jetstream: JetStreamContext) -> int:
        if isinstance(self._after, int):
            return self._after
        try:
            info = await jetstream.consumer_info(self._stream, self._after)
        except NotFoundError:
            return 0
        return info.ack_floor.stream_seq if info.ack_floor else 0

    def _take(self, message: Msg | None) -> None:
        """Pass a message on; None is a heartbeat that confirms that no message is missing."""
        if message is None:
            self._current = time.monotonic()
            return
        metadata = message.metadata
        try:
            self._receive(message.subject, message.data, metadata.sequence.stream)
        except Exception:
            log.exception("could not handle %s", message.subject)
        self._sequence = metadata.sequence.stream
        if not metadata.num_pending:
            self._current = time.monotonic()


class _Attempt:
    """One consumer on the server, for as long as it delivers without gaps."""

    def __init__(self, take: Callable[[Msg | None], None]) -> None:
        self._take = take
        self._delivered = 0
        self._received_at = time.monotonic()
        self.over = asyncio.Event()

    async def receive(self, message: Msg) -> None:
        """Take an event, or a heartbeat with the number of events that the server has sent."""
        if self.over.is_set():
            return
        self._received_at = time.monotonic()
        headers = message.headers or {}
        if "Status" in headers:
            if int(headers["Nats-Last-Consumer"]) == self._delivered:
                self._take(None)
            else:
                self.over.set()
        elif message.metadata.sequence.consumer == self._delivered + 1:
            self._delivered += 1
            self._take(message)
        else:
            self.over.set()

    @property
    def is_over(self) -> bool:
        """Whether the server has fallen silent or has skipped a message."""
        return self.over.is_set() or time.monotonic() - self._received_at >= _SILENCE

    async def wait(self) -> None:
        """Wait until the consumer is over, for at most a heartbeat."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), HEARTBEAT)
