"""The outbox: events commit with their change, and are published afterward, in order (spec PF-2).

`emit` writes a row. After the commit, the relay publishes all waiting rows, each practice's in
order, under a lock that keeps the relays of other replicas from interleaving. Events of one
resource are in the order of its changes, since their rows are written under the resource's row
lock. The relay also polls, for rows that a crash left behind.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message as Event
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    LargeBinary,
    Table,
    Text,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from common import ids, telemetry
from common.db import database
from common.errors import Unavailable
from common.messaging import in_order, nats
from common.resilience.lasting import LastingThread

log = logging.getLogger(__name__)

outbox = Table(
    "outbox",
    database.SHARED,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
)

_POOL = descriptor_pool.Default()
_WAITING = "outbox"
_LOCK = 0x0A77_0B0C  # the relay's advisory lock
_BATCH = 256
_LARGEST = nats.LARGEST // 2  # bytes of an event without its headers
_AGE = text("SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY sequence LIMIT 1")

_published = telemetry.Counter("attune.events.published", "Events published, by kind of event")


def emit(session: Session, *events: Event) -> None:
    """Publish events, in this order, once the transaction has committed."""
    if events:
        session.execute(insert(outbox), [row(event) for event in events])
        database.wake(session, _WAITING)


def row(event: Event) -> dict[str, Any]:
    """Return an event's outbox row, for a statement that inserts the row itself.

    Raises ValueError for an event that is too large for NATS.
    """
    headers: dict[str, str] = {}
    telemetry.inject(headers)
    subject, payload = event.DESCRIPTOR.full_name, event.SerializeToString()
    if len(payload) > _LARGEST:
        raise ValueError(f"{subject} of {len(payload)} bytes can never be published")
    return {
        "id": ids.new(),
        "subject": subject,
        "payload": payload,
        "headers": json.dumps(headers),
    }


def practice_of(event: Event) -> str:
    """Return the practice of an event, which names the practice itself or in its booking."""
    named: Any = event
    return str(named.practice_id if hasattr(named, "practice_id") else named.booking.practice_id)


def age(db: database.Database) -> float:
    """Return the seconds for which the oldest event has waited; 0 if none waits."""
    with db.transaction(database.EVERY_PRACTICE) as session:
        return max(0.0, float(session.scalar(_AGE) or 0))


def begin_counts(package: str) -> None:
    """Count zero published events of each kind in a service's `events.proto`, if it has any.

    A message that is a field of another one is no event.
    """
    try:
        file = _POOL.FindFileByName(f"attune/{package}/v1/events.proto")
    except KeyError:
        return
    kinds = file.message_types_by_name.values()
    parts = [field.message_type for kind in kinds for field in kind.fields]
    for kind in kinds:
        if kind not in parts:
            _published.add({"event": kind.full_name}, 0)


class Relay:
    """A thread that publishes the rows of the outbox."""

    def __init__(self, db: database.Database, nats: nats.Bus) -> None:
        self._database = db
        self._bus = nats
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._refused: set[int] = set()  # rows that NATS refuses with its present configuration
        self._thread = LastingThread("relay", self._run, self._stop)
        db.listen(_WAITING, self._wake.set)
        nats.on_connect.append(self._connected)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Publish the remaining rows if NATS is connected, and stop."""
        self._stop.set()
        self._wake.set()
        self._thread.join(5)

    def is_well(self) -> bool:
        """Return whether the thread does its work."""
        return self._thread.is_well()

    def _connected(self) -> None:
        self._refused.clear()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(0.5)
            self._wake.clear()
            try:
                while self._bus.connected and self.drain() == _BATCH:
                    pass
            except Exception as error:  # the rows are stored, so any failure can be tried again
                level = logging.WARNING if _expected(error) else logging.ERROR
                log.log(level, "events wait: %s", type(error).__name__)
                self._stop.wait(0.5)
            if self._stop.is_set():
                return

    def drain(self) -> int:
        """Publish one batch of rows, and return their number.

        Rows that NATS refuses as too large stay in the outbox until the next connection, while
        later rows are published. After any other failure, the later rows of the same practice wait
        as well, and the failure is raised after the published rows have left the outbox.
        """
        failure = None
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            waiting = select(outbox).where(outbox.c.sequence.not_in(self._refused))
            rows = session.execute(waiting.order_by(outbox.c.sequence).limit(_BATCH)).all()
            if rows:
                failure = self._publish(session, rows)
        if failure:
            raise failure
        return len(rows)

    def _publish(self, session: Session, rows: Sequence[Any]) -> Exception | None:
        grouped = [[*map(_message, group)] for group in in_order.groups(rows, _practice)]
        outcome = self._bus.publish_in_order(grouped)
        refused, stored = map(_ids, (outcome.refused, outcome.stored))
        for row in rows:
            if str(row.id) in refused:
                self._refused.add(row.sequence)
                log.error("%s is too large for NATS", row.subject, extra={"event": str(row.id)})
        left = [row for row in rows if str(row.id) in stored]
        gone = outbox.c.sequence.in_([row.sequence for row in left])
        session.execute(delete(outbox).where(gone))
        for subject, count in Counter(row.subject for row in left).items():
            _published.add({"event": subject}, count)
        return outcome.failure


def _practice(row: Any) -> str:
    """Return the practice of a row's event: all of its aggregates are of one practice."""
    try:
        kind = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(row.subject))
        return practice_of(kind.FromString(bytes(row.payload)))
    except Exception:  # no event of ours: it has no aggregate to keep the order of
        return ""


def _ids(messages: Sequence[nats.Message]) -> set[str]:
    return {message.headers[nats.MESSAGE_ID] for message in messages}


def _message(r: Any) -> nats.Message:
    return nats.Message(
        r.subject, bytes(r.payload), {**json.loads(r.headers), nats.MESSAGE_ID: str(r.id)}
    )


def _expected(error: Exception) -> bool:
    expected = SQLAlchemyError | Unavailable | TimeoutError | OSError
    return isinstance(error, expected) or type(error).__module__.startswith("nats")
