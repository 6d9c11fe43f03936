"""Work at a time: due rows, claimed by any replica, done in one transaction (spec PF-6)."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Column, DateTime, Integer, Table, Text, Uuid, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import telemetry
from common.clock import Clock
from common.db import database
from common.db.database import SHARED
from common.rpc import request_context

log = logging.getLogger(__name__)

due = Table(
    "due",
    SHARED,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("practice_id", Uuid, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
)


@dataclass(frozen=True)
class Due:
    """Something whose time has come. `attempts` counts the earlier tries."""

    kind: str
    key: str
    practice_id: UUID
    due_at: datetime
    attempts: int


Handler = Callable[[Due, Session, datetime], None]


class Later(Exception):
    """Raised by a handler: not now, but at `at`; the attempt counts, its changes do not."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at


def schedule(
    session: Session,
    kind: str,
    key: object,
    practice_id: UUID,
    at: datetime,
    *,
    wake: bool = False,
) -> None:
    """Do this at that instant; an earlier plan for the same key is replaced. With `wake`, a worker
    looks for it right after the commit instead of at its next poll."""
    statement = insert(due).values(
        kind=kind, key=str(key), practice_id=practice_id, due_at=at, attempts=0
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[due.c.kind, due.c.key], set_={"due_at": at, "attempts": 0}
        )
    )
    if wake:
        session.info["scheduled"] = True


def cancel(session: Session, kind: str, key: object) -> None:
    """Do not do this after all."""
    session.execute(delete(due).where(due.c.kind == kind, due.c.key == str(key)))


class Worker:
    """Does what is due. Replicas share the rows without waiting for each other."""

    def __init__(
        self, db: database.Database, clock: Clock, handlers: dict[str, Handler], poll: float = 0.5
    ) -> None:
        self._database = db
        self._clock = clock
        self._handlers = handlers
        self._poll = poll
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="due", daemon=True)

    def start(self) -> None:
        self._database.after_schedule = self._wake.set
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                while self.work_one() and not self._stop.is_set():
                    pass
            except Exception as error:  # the database is away: the rows are still there
                log.warning("due work waits: %s", type(error).__name__)
            self._wake.wait(self._poll)
            self._wake.clear()

    def work_one(self) -> bool:
        """Do the most overdue piece of work; False if nothing is due now."""
        now = self._clock.now()
        failure: tuple[Due, datetime] | None = None
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            claimed = session.execute(
                select(due)
                .where(due.c.due_at <= now, due.c.kind.in_(self._handlers))
                .order_by(due.c.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).one_or_none()
            if claimed is None:
                return False
            work = Due(**claimed._mapping)
            session.execute(delete(due).where(due.c.kind == work.kind, due.c.key == work.key))
            try:
                # The handler's failure must not undo the claim, which then is put off.
                with session.begin_nested():
                    database.confine(session, work.practice_id)
                    with (
                        request_context.of(f"due:{work.kind}:{work.key}"),
                        telemetry.span(f"due {work.kind}"),
                    ):
                        self._handlers[work.kind](work, session, now)
            except Later as later:
                failure = work, later.at
            except Exception as error:
                if database.is_away(error):
                    raise
                log.exception("due work failed", extra={"kind": work.kind, "key": work.key})
                failure = work, now + timedelta(seconds=min(2**work.attempts, 300))
            if failure:
                session.execute(insert(due).values(**_put_off(*failure)))
        return True

    def work_all(self) -> int:
        """Do all that is due now; returns how much that was. For tests."""
        count = 0
        while self.work_one():
            count += 1
        return count


def _put_off(work: Due, at: datetime) -> dict[str, object]:
    return {
        "kind": work.kind,
        "key": work.key,
        "practice_id": work.practice_id,
        "due_at": at,
        "attempts": work.attempts + 1,
    }


def reschedule(session: Session, kind: str, key: object, at: datetime) -> None:
    """Move a plan, if there is one."""
    session.execute(
        update(due).where(due.c.kind == kind, due.c.key == str(key)).values(due_at=at, attempts=0)
    )
