"""Entries take their places in the chain, one behind the other, right after they were written.

Not in the writing transactions: they would wait for each other. Whichever replica holds the row of
the head does it for all."""

import hmac
import logging
import threading
import time

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    LargeBinary,
    Table,
    exists,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from common.audit.chain import BEGINNING, Chain, Head
from common.audit.entries import WAITING, Entry
from common.db import database
from common.db.database import SHARED
from common.errors import Unavailable

log = logging.getLogger(__name__)

heads = Table(
    "audit_head",
    SHARED,
    Column("one", Boolean, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

_POLL = 1.0  # seconds, for what a crash, or a command, has left
_GATHER = 0.1  # seconds after the first entry, so that many share one commit
_TELL = 300.0  # seconds between two heads in the log
_BATCH = 1000

_SEAL = text(
    """
UPDATE audit AS a SET position = s.position, hash = s.hash
FROM unnest(CAST(:ids AS uuid[]), CAST(:positions AS bigint[]), CAST(:hashes AS bytea[]))
    AS s (id, position, hash)
WHERE a.id = s.id
"""
)


class NotGenuine(Exception):
    """The row of the head was not written by a sealer: going on would cover it up."""


def is_genuine(chain: Chain, head: Head, mac: bytes) -> bool:
    """Whether a head was written by a sealer of the chain."""
    return head == BEGINNING or hmac.compare_digest(mac, chain.seal(head))


class Sealer:
    """Seals what waits, for as long as the process lives, and tells the log where the chain ends:
    whoever can take the database back cannot take back the log."""

    def __init__(self, db: database.Database) -> None:
        self._database = db
        self._chain = Chain(db.service)
        self._head = self._told = BEGINNING
        self._telling_at = 0.0
        self._stop = threading.Event()
        self._wake = threading.Event()
        db.listen(WAITING, self._wake.set)
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Seal what was written here, and end."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._wake.wait(_POLL):
                self._stop.wait(_GATHER)
            self._wake.clear()
            if not self._stop.is_set():
                self._try()
        self._try()
        self._tell(now=True)

    def _try(self) -> None:
        try:
            while self.seal() == _BATCH:
                pass
        except Exception as error:  # whatever it was, the entries are still there: try again
            away = isinstance(error, SQLAlchemyError | Unavailable)
            level = logging.WARNING if away else logging.ERROR
            log.log(level, "audit entries wait: %s", type(error).__name__)
            self._stop.wait(_POLL)
        self._tell(now=False)

    def seal(self) -> int:
        """Seal one batch; returns how many."""
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            if not session.scalar(select(exists().where(Entry.position.is_(None)))):
                return 0
            row = session.execute(select(heads).with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return 0  # another replica is at it
            before = Head(row.position, bytes(row.hash))
            if not is_genuine(self._chain, before, bytes(row.mac)):
                raise NotGenuine
            head, count = self._append(session, before)
        if before.position < self._head.position:
            log.error("the audit has gone back behind %s", self._head)
        self._head = head
        return count

    def _append(self, session: Session, head: Head) -> tuple[Head, int]:
        """Put what waits behind the head; returns the new head, and how many."""
        waiting = session.execute(
            select(Entry.id, Entry.sequence, Entry.mac)
            .where(Entry.position.is_(None))
            .order_by(Entry.sequence)
            .limit(_BATCH)
        ).all()
        places = []
        for row in waiting:
            head = self._chain.link(head, row.sequence, bytes(row.mac))
            places.append(head)
        if places:
            session.execute(
                _SEAL,
                {
                    "ids": [row.id for row in waiting],
                    "positions": [place.position for place in places],
                    "hashes": [place.hash for place in places],
                },
            )
            session.execute(
                update(heads).values(
                    position=head.position, hash=head.hash, mac=self._chain.seal(head)
                )
            )
        return head, len(places)

    def _tell(self, *, now: bool) -> None:
        if self._head != self._told and (now or time.monotonic() >= self._telling_at):
            log.info("audit head %s", self._head)
            self._told, self._telling_at = self._head, time.monotonic() + _TELL
