"""The sealer appends audit entries to the chain, in order, right after their commit.

Entries are not appended in their own transactions, which would wait for each other. The replica
that locks the head's row seals the entries of all replicas.
"""

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
from common.resilience.lasting import LastingThread

log = logging.getLogger(__name__)

heads = Table(
    "audit_head",
    SHARED,
    Column("one", Boolean, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

_is_sealed = Entry.position.is_not(None) | Entry.hash.is_not(None)
_POLL = 1.0  # seconds between checks for entries that a crash or a command has left
_GATHER = 0.1  # seconds to wait after the first entry, so that many entries share one commit
_LOG_INTERVAL = 300.0  # seconds between two heads in the log
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
    """The head's row was changed or set back; sealing more entries would hide that."""


def is_genuine(chain: Chain, head: Head, mac: bytes) -> bool:
    """Return whether the head's row was written with the chain's key."""
    return hmac.compare_digest(mac, chain.seal(head))


class Sealer:
    """A thread that seals entries and logs the chain's head from time to time.

    An attacker who restores an old copy of the database cannot also remove the head from the log.
    """

    def __init__(self, db: database.Database) -> None:
        self._database = db
        self._chain = Chain(db.service)
        self._head = self._logged = BEGINNING
        self._log_at = 0.0
        self._stop = threading.Event()
        self._wake = threading.Event()
        db.listen(WAITING, self._wake.set)
        self._thread = LastingThread("sealer", self._run, self._stop)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Seal the entries that this process has written, and stop."""
        self._stop.set()
        self._wake.set()
        self._thread.join(5)

    def is_well(self) -> bool:
        """Return whether the thread does its work."""
        return self._thread.is_well()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._wake.wait(_POLL):
                self._stop.wait(_GATHER)
            self._wake.clear()
            if not self._stop.is_set():
                self._try()
        self._try()
        self._log_head(now=True)

    def _try(self) -> None:
        try:
            while self.seal() == _BATCH:
                pass
        except Exception as error:  # the entries are stored, so any failure can be tried again
            away = isinstance(error, SQLAlchemyError | Unavailable)
            level = logging.WARNING if away else logging.ERROR
            log.log(level, "cannot seal audit entries: %s", type(error).__name__)
            self._stop.wait(_POLL)
        self._log_head(now=False)

    def seal(self) -> int:
        """Seal one batch of entries, and return their number."""
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            if not session.scalar(select(exists().where(Entry.position.is_(None)))):
                return 0
            row = session.execute(select(heads).with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return 0  # another replica is sealing
            before = Head(row.position, bytes(row.hash))
            if not is_genuine(self._chain, before, bytes(row.mac)):
                raise NotGenuine
            if before == BEGINNING and session.scalar(select(exists().where(_is_sealed))):
                raise NotGenuine
            head, count = self._append(session, before)
        if before.position < self._head.position:
            log.error("the audit trail is behind its logged head %s", self._head)
        self._head = head
        return count

    def _append(self, session: Session, head: Head) -> tuple[Head, int]:
        """Append waiting entries to the head; return the new head and the number of entries."""
        waiting = session.execute(
            select(Entry.id, Entry.sequence, Entry.mac)
            .where(Entry.position.is_(None))
            .order_by(Entry.sequence)
            .limit(_BATCH)
        ).all()
        heads_after = []
        for row in waiting:
            head = self._chain.link(head, row.sequence, bytes(row.mac))
            heads_after.append(head)
        if heads_after:
            session.execute(
                _SEAL,
                {
                    "ids": [row.id for row in waiting],
                    "positions": [after.position for after in heads_after],
                    "hashes": [after.hash for after in heads_after],
                },
            )
            session.execute(
                update(heads).values(
                    position=head.position, hash=head.hash, mac=self._chain.seal(head)
                )
            )
        return head, len(heads_after)

    def _log_head(self, *, now: bool) -> None:
        if self._head != self._logged and (now or time.monotonic() >= self._log_at):
            log.info("audit head %s", self._head)
            self._logged, self._log_at = self._head, time.monotonic() + _LOG_INTERVAL
