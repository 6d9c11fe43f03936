"""Change events at a steady rate, for P2."""

import contextlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from attune.booking.v1.booking_pb2 import TAKEN_KIND_BOOKING, TakenTime
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune_testing.builders import ZONE
from common import ids
from common.messaging.nats import MESSAGE_ID, Bus, Message
from tests.bench.running import Practice, Provider

_TICK = 0.02  # seconds between batches
_draw = random.Random(2)  # noqa: S311  # the same sessions in every run


class Changes:
    """Changes of the providers' taken time, as booking publishes them: each takes a session for a
    new booking and releases the one before, at the resource's next revision.

    They go straight to NATS, since bookings cannot be made that fast. Booking does not
    know of them, so nobody may have booked with these providers before, and nothing else may be
    measured on this Attune afterwards.
    """

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self._next = itertools.cycle(practice.providers)
        self._revisions: Counter[int] = Counter()
        self._refs: dict[int, str] = {}
        self.count = 0

    def batch(self, size: int) -> list[Message]:
        """Return the next events, each of another provider."""
        return [self._event(next(self._next)) for _ in range(size)]

    def revision(self, provider: Provider) -> int:
        """Return the last revision of a provider's taken time."""
        return self._revisions[provider.number]

    def _event(self, provider: Provider) -> Message:
        self.count += 1
        self._revisions[provider.number] += 1
        ref, released = str(ids.new()), self._refs.get(provider.number)
        self._refs[provider.number] = ref
        event = TakenTimeChanged(
            practice_id=self._practice.practice_id,
            resource_id=provider.provider_id,
            resource_number=provider.number,
            revision=self._revisions[provider.number],
            taken=[_session(provider, ref)],
            released=[released] if released else [],
        )
        headers = {MESSAGE_ID: str(ids.new())}
        return Message(event.DESCRIPTOR.full_name, event.SerializeToString(), headers)


def _session(provider: Provider, ref: str) -> TakenTime:
    """Take 50 minutes of some morning of the coming month."""
    day = datetime.now(ZoneInfo(ZONE)).replace(hour=9, minute=0, second=0, microsecond=0)
    start = day + timedelta(days=_draw.randrange(1, 30), minutes=15 * _draw.randrange(9))
    taken = TakenTime(
        ref=ref,
        resource_id=provider.provider_id,
        resource_number=provider.number,
        kind=TAKEN_KIND_BOOKING,
    )
    for field in (taken.start_time, taken.session_start_time):
        field.FromDatetime(start)
    for field in (taken.end_time, taken.session_end_time):
        field.FromDatetime(start + timedelta(minutes=50))
    return taken


@contextlib.contextmanager
def published(nats_url: str, changes: Changes, rate: float) -> Iterator[None]:
    """Publish so many changes a second for as long as the block runs."""
    stop = threading.Event()
    with Bus(nats_url, "bench") as bus, ThreadPoolExecutor(1) as pool:
        bus.start()
        assert bus.wait(60)
        publishing = pool.submit(_publish, bus, changes, rate, stop)
        try:
            yield
        finally:
            stop.set()
        publishing.result()


def _publish(bus: Bus, changes: Changes, rate: float, stop: threading.Event) -> None:
    began = time.monotonic()
    while not stop.wait(_TICK):
        late = int((time.monotonic() - began) * rate) - changes.count
        bus.publish(changes.batch(late))
