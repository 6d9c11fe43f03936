"""Following the stream: every replica hears every event, in order and without gaps.

nats-py's own ordered consumer begins again at the first message of the stream when it is
interrupted before it received any, and does not tell whether it has caught up; this one does.
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

HEARTBEAT = 0.5  # seconds after which the server speaks up when there is nothing to deliver
_SILENCE = 4 * HEARTBEAT  # then the consumer is gone, or the way to it
_PAUSE = 0.1  # seconds between attempts
_ANSWER = 2.0  # seconds that the server may take

Receive = Callable[[str, bytes, int], None]


class Following:
    """One replica's place in the stream. It is kept through any interruption, and resumed."""

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
        self._place: int | None = None  # the sequence of the newest message that is known here
        self._created: datetime | None = None  # tells one stream of the name from another
        self._attempt: _Attempt | None = None
        self._current = -math.inf
        self._running: Future[None] | None = None

    @property
    def current(self) -> float:
        """The last moment, by `time.monotonic`, at which nothing was known to be missing here;
        -inf before the first. While all is well it is never older than a heartbeat."""
        return self._current

    @property
    def age(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._current

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow, on that loop, until the end."""
        self._running = asyncio.run_coroutine_threadsafe(self._run(), loop)

    def end(self) -> None:
        """Hear nothing more."""
        if self._running:
            self._running.cancel()

    def reconnected(self) -> None:
        """There is a new connection to the server: the old consumer is not to be waited for."""
        if self._attempt:
            self._attempt.over.set()

    async def _run(self) -> None:
        while True:
            try:
                if self._client().is_connected:
                    await self._follow(self._client())
            except Exception as error:  # whatever it was: the place is known, so follow again
                log.warning("events cannot be followed: %s", type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _follow(self, client: Client) -> None:
        jetstream = client.jetstream(timeout=_ANSWER)
        place = await self._find_place(jetstream)
        attempt = self._attempt = _Attempt(self._take)
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=attempt.hear)
        try:
            config = ConsumerConfig(
                deliver_subject=inbox,
                filter_subjects=self._subjects,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=place + 1,
                ack_policy=AckPolicy.NONE,
                idle_heartbeat=HEARTBEAT,
                inactive_threshold=10 * HEARTBEAT,
                mem_storage=True,
                num_replicas=1,
            )
            info: ConsumerInfo = await jetstream.add_consumer(self._stream, config)
            if not info.num_pending:
                self._current = time.monotonic()
            await attempt.last()
        finally:
            with contextlib.suppress(Exception):
                await subscription.unsubscribe()

    async def _find_place(self, jetstream: JetStreamContext) -> int:
        info = await jetstream.stream_info(self._stream)
        if self._place is None:
            self._place = await self._first_place(jetstream)
        first = max(info.state.first_seq, 1)
        same = self._created in (None, info.created) and self._place <= info.state.last_seq
        if not same or self._place < first - 1:
            if self._created is not None:
                log.warning("the stream has been made anew, or has moved on: events were missed")
                self._restarted()
            self._place = first - 1
        self._created = info.created
        return self._place

    async def _first_place(self, jetstream: JetStreamContext) -> int:
        if isinstance(self._after, int):
            return self._after
        try:
            info = await jetstream.consumer_info(self._stream, self._after)
        except NotFoundError:
            return 0
        return info.ack_floor.stream_seq if info.ack_floor else 0

    def _take(self, message: Msg | None) -> None:
        """A message, or, with None, the word that there is none."""
        if message is None:
            self._current = time.monotonic()
            return
        metadata = message.metadata
        try:
            self._receive(message.subject, message.data, metadata.sequence.stream)
        except Exception:
            log.exception("%s could not be taken in", message.subject)
        self._place = metadata.sequence.stream
        if not metadata.num_pending:
            self._current = time.monotonic()


class _Attempt:
    """One consumer, for as long as it delivers without gaps."""

    def __init__(self, take: Callable[[Msg | None], None]) -> None:
        self._take = take
        self._delivered = 0
        self._heard = time.monotonic()
        self.over = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        """What the server sends: an event, or a heartbeat with the number of events before it."""
        if self.over.is_set():
            return
        self._heard = time.monotonic()
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

    async def last(self) -> None:
        """Returns when the consumer has fallen silent or skipped something."""
        while not self.over.is_set() and time.monotonic() - self._heard < _SILENCE:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), HEARTBEAT)
