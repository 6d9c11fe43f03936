"""Events commit with the change they tell of, and leave afterwards, in order (spec PF-2).

`emit` writes a row; after the commit the relay is woken and publishes all waiting rows in their
order under a lock, so that the replicas' relays never interleave. Rows of one aggregate are
written under its row lock, hence in the order of its changes. A poll catches what a crash left.
"""

import json
import logging
import threading
from typing import Any

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
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from common import bus, database, ids, telemetry

log = logging.getLogger(__name__)
shared = database.metadata()

outbox = Table(
    "outbox",
    shared,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
)

_LOCK = 0x0A77_0B0C  # the relay's advisory lock
_BATCH = 256


def emit(session: Session, *events: Event) -> None:
    """Publish these events, in this order, when the transaction has committed."""
    if events:
        session.execute(insert(outbox), [row(event) for event in events])
        session.info["emitted"] = True


def row(event: Event) -> dict[str, Any]:
    """An outbox row, for statements that insert it together with others."""
    headers: dict[str, str] = {}
    telemetry.inject(headers)
    return {
        "id": ids.new(),
        "subject": event.DESCRIPTOR.full_name,
        "payload": event.SerializeToString(),
        "headers": json.dumps(headers),
    }


class Relay:
    """Publishes what waits in the outbox."""

    def __init__(self, db: database.Database, nats: bus.Bus) -> None:
        self._database = db
        self._bus = nats
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        db.after_emit = self._wake.set
        nats.on_connect.append(self._wake.set)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Publish what is left, as far as NATS is there, and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            self._wake.wait(0.5)
            self._wake.clear()
            try:
                while self._bus.connected and self.drain() == _BATCH:
                    pass
            except Exception as error:  # whatever it was, the rows are still there: try again
                level = logging.WARNING if _expected(error) else logging.ERROR
                log.log(level, "events wait: %s", type(error).__name__)
                self._stop.wait(0.5)
            if self._stop.is_set():
                return

    def drain(self) -> int:
        """Publish one batch; returns how many."""
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            rows = session.execute(select(outbox).order_by(outbox.c.sequence).limit(_BATCH)).all()
            if rows:
                self._bus.publish([_message(r) for r in rows])
                session.execute(
                    delete(outbox).where(outbox.c.sequence.in_([r.sequence for r in rows]))
                )
        return len(rows)


def _message(r: Any) -> bus.Message:
    return bus.Message(
        r.subject, bytes(r.payload), {**json.loads(r.headers), bus.MESSAGE_ID: str(r.id)}
    )


def _expected(error: Exception) -> bool:
    return isinstance(error, SQLAlchemyError | TimeoutError | OSError) or type(
        error
    ).__module__.startswith("nats")
