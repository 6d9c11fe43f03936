"""Handling events: each takes effect once, with retries and dead letters (spec PF-2)."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as Event
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from sqlalchemy import Column, DateTime, Table, Text, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import telemetry
from common.db import database
from common.db.database import SHARED
from common.errors import DeadlineExceeded, Unavailable
from common.messaging import dead_letters, nats
from common.messaging.outbox import practice_of
from common.resilience import deadline
from common.resilience.lasting import LastingThread
from common.rpc import request_context

log = logging.getLogger(__name__)

inbox = Table(
    "inbox",
    SHARED,
    Column("message_id", Text, primary_key=True),
    Column("received_at", DateTime(timezone=True), server_default=func.now()),
)

_lag = telemetry.duration(
    "attune.event.lag",
    "Time from the publication of an event until it was handled",
    (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)

ATTEMPTS = 5
DELAYS = (0.2, 1.0, 5.0, 15.0)  # seconds between attempts
_ANSWER = 2.0  # seconds that the database may take to answer a ping


@dataclass(frozen=True)
class EventContext:
    """The transaction of the event's practice, and the present instant, for one handler call."""

    session: Session
    now: datetime


Handler = Callable[[Any, EventContext], None]
HandlerType = TypeVar("HandlerType", bound=Handler)


class Handlers:
    """The handlers of a service's events, by subject."""

    def __init__(self) -> None:
        self.by_subject: dict[str, tuple[type[Event], Handler]] = {}

    def on(self, *kinds: type[Event]) -> Callable[[HandlerType], HandlerType]:
        """Register a handler `(event, context) -> None` for one or more kinds of events.

        A handler changes rows and emits events; it calls no other service.
        """

        def register(handler: HandlerType) -> HandlerType:
            for kind in kinds:
                self.by_subject[kind.DESCRIPTOR.full_name] = (kind, handler)
            return handler

        return register

    def handle(
        self, db: database.Database, subject: str, payload: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Handle one delivery, and return False if the event was handled before."""
        kind, handler = self.by_subject[subject]
        message_id = nats.event_id(headers)
        with (
            request_context.of(f"{subject}:{message_id}"),
            telemetry.span(
                f"process {subject}",
                SpanKind.CONSUMER,
                telemetry.extract(headers),
                {
                    "messaging.system": "nats",
                    "messaging.destination.name": subject,
                    "messaging.operation.type": "process",
                    "messaging.message.id": message_id,
                },
            ),
        ):
            event = kind.FromString(payload)
            with db.transaction(practice_of(event)) as session:
                claim = insert(inbox).values(message_id=message_id).on_conflict_do_nothing()
                if session.scalar(claim.returning(inbox.c.message_id)) is None:
                    return False
                handler(event, EventContext(session, db.clock.now()))
        return True


def unhandled(bus: nats.Bus, service: str) -> int:
    """Return the number of events that a service has yet to handle. Raises unless NATS answers."""

    async def read() -> int:
        info = await bus.jetstream.consumer_info(nats.STREAM, service)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    return bus.run(read(), timeout=2)


def _is_away(error: Exception) -> bool:
    """Return whether the database was unreachable, the only other system that handlers use."""
    return isinstance(error, Unavailable) and not isinstance(error, DeadlineExceeded)


class Consumer:
    """A thread that handles a service's events, one message at a time."""

    def __init__(
        self, name: str, db: database.Database, nats: nats.Bus, handlers: Handlers
    ) -> None:
        self._name = name
        self._database = db
        self._bus = nats
        self._handlers = handlers
        self._stop = threading.Event()
        self._thread = LastingThread("consumer", self._run, self._stop)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the event that is being handled."""
        self._stop.set()
        self._thread.join(5)

    def is_well(self) -> bool:
        """Return whether the thread does its work."""
        return self._thread.is_well()

    def _run(self) -> None:
        durable: nats.Durable | None = None
        while not self._stop.is_set():
            try:
                if not self._bus.wait(0.5):
                    continue
                durable = durable or self._bus.durable(self._name, list(self._handlers.by_subject))
                if message := durable.fetch():
                    self._process(durable, message)
            except Exception as error:  # NATS is unreachable: bind again
                log.warning("cannot receive events: %s", type(error).__name__)
                durable = None
                self._stop.wait(0.5)

    def _process(self, durable: nats.Durable, message: Msg) -> None:
        headers = nats.headers_of(message)
        while True:
            try:
                self._handlers.handle(self._database, message.subject, message.data, headers)
            except Exception as error:
                if not _is_away(error) and self._database_is_there():
                    self._failed(durable, message, error)
                    return
                # Nothing is wrong with the event, and no other event could be handled, so it
                # waits here, in its order, and the attempt does not count.
                log.warning("%s postponed: %s", message.subject, type(error).__name__)
                durable.keep(message)
            else:
                self._record_lag(message)
                durable.ack(message)
                return
            if self._stop.wait(0.5):
                durable.nak(message, delay=0)
                return

    def _record_lag(self, message: Msg) -> None:
        """Record how long ago NATS stored an event that has just been handled.

        The clock is the machine's, like that of NATS, even if a test shifts Attune's own.
        """
        lag = datetime.now(UTC) - message.metadata.timestamp
        _lag.record(max(0.0, lag.total_seconds()), {"consumer": self._name})

    def _database_is_there(self) -> bool:
        try:
            with deadline.within(_ANSWER):
                self._database.ping()
        except Exception:  # any failure means that the database does not answer
            return False
        return True

    def _failed(self, durable: nats.Durable, message: Msg, error: Exception) -> None:
        """Put an event off while later ones go on, or make a dead letter after the last attempt."""
        attempt = message.metadata.num_delivered or 1
        log.error("%s failed, attempt %d", message.subject, attempt, exc_info=error)
        if attempt < ATTEMPTS:
            durable.nak(message, delay=DELAYS[min(attempt, len(DELAYS)) - 1])
        else:
            self._bus.publish([dead_letters.make(self._name, message, type(error).__name__)])
            durable.term(message)
            log.error("%s is a dead letter", message.subject)
