"""What services see of jobs: the job, its context, and the register of handlers (spec PF-6)."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import case, delete, update
from sqlalchemy.orm import Session

from common.db import database
from common.jobs.schedule import NOBODY, due

LEASE = timedelta(seconds=60)
"""How long a claim lasts. A job begins in the first half only, and so has at least the other half:
its calls have deadlines."""


@dataclass(frozen=True)
class Job:
    """A job that is due. `attempts` counts earlier attempts; `plan` is the number of the plan."""

    kind: str
    key: str
    practice_id: UUID
    due_at: datetime
    leased_until: datetime
    attempts: int = 0
    plan: int = 0


class Later(Exception):
    """Raised by a handler to have the job done at `at` instead. The attempt counts."""

    def __init__(self, at: datetime) -> None:
        self.at = at


Peers = TypeVar("Peers")


class JobContext(Generic[Peers]):
    """The present instant, the service's adapters, and transactions, for one handler call."""

    def __init__(self, db: database.Database, job: Job, now: datetime, peers: Peers) -> None:
        self.now = now
        self.peers = peers
        self.settled = False
        self._database = db
        self._job = job
        self._again: datetime | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction of the job's practice that does not settle the job.

        A recurring job belongs to no practice, and sees the rows of all.
        """
        practice = self._job.practice_id
        belongs = practice if practice != NOBODY else database.EVERY_PRACTICE
        with self._database.transaction(belongs) as session:
            yield session

    @contextlib.contextmanager
    def settle(self) -> Iterator[Session]:
        """Open the transaction that finishes the job.

        The job's own row is deleted last. Otherwise this transaction, which waits for other rows,
        and one that holds those rows and cancels the plan could deadlock.
        """
        with self.transaction() as session:
            yield session
            settle_plan(session, self._job, self._again)
        self.settled = True

    def again(self, at: datetime) -> None:
        """Plan the job once more for `at`, when this run has been settled."""
        self._again = at

    def renew(self) -> None:
        """Extend the lease, for a job that takes longer than one lease."""
        until = self._database.clock.now() + LEASE
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            same = (*_row(self._job), due.c.plan == self._job.plan)
            session.execute(update(due).where(*same).values(leased_until=until))


Handler = Callable[[Job, JobContext[Any]], None]


class Jobs:
    """The handlers of a service's jobs, by kind, and the lanes in which they run.

    Jobs of one lane do not wait for those of another. `lanes` names the number of threads of each
    lane that has more than one.
    """

    def __init__(self, lanes: Mapping[str, int] | None = None) -> None:
        self.handlers: dict[str, Handler] = {}
        self.kinds: dict[str, list[str]] = {}
        self.recurring: dict[str, timedelta] = {}
        self._threads = lanes or {}

    def on(self, kind: str, lane: str = "default") -> Callable[[Handler], Handler]:
        """Register a handler `(job, context) -> None` for a kind of job.

        The handler settles the job in its last transaction: `with context.settle() as session`.
        """

        def register(handler: Handler) -> Handler:
            self.handlers[kind] = handler
            self.kinds.setdefault(lane, []).append(kind)
            return handler

        return register

    def every(
        self, interval: timedelta, kind: str, lane: str = "default"
    ) -> Callable[[Handler], Handler]:
        """Register a handler for a job that one replica does every `interval`.

        The first worker that starts plans it, for now.
        """

        def register(handler: Handler) -> Handler:
            def repeat(job: Job, context: JobContext[Any]) -> None:
                context.again(context.now + interval)
                handler(job, context)

            self.recurring[kind] = interval
            return self.on(kind, lane)(repeat)

        return register

    def lanes(self) -> Iterator[tuple[str, int]]:
        """Yield each lane with its number of threads."""
        for lane in self.kinds:
            yield lane, self._threads.get(lane, 1)


def settle_plan(session: Session, job: Job, again: datetime | None) -> None:
    if again:
        plan_again(session, job, again, 0)
        return
    done = delete(due).where(*_row(job), due.c.plan == job.plan).returning(due.c.plan)
    if session.scalar(done) is None:  # planned again in the meantime, or canceled
        session.execute(update(due).where(*_row(job)).values(leased_until=None))


def plan_again(session: Session, job: Job, at: datetime, attempts: int) -> None:
    """End the lease, and move the plan unless the job was planned again in the meantime."""
    same = due.c.plan == job.plan
    session.execute(
        update(due)
        .where(*_row(job))
        .values(
            leased_until=None,
            due_at=case((same, at), else_=due.c.due_at),
            attempts=case((same, attempts), else_=due.c.attempts),
        )
    )


def _row(job: Job) -> tuple[Any, Any]:
    return due.c.kind == job.kind, due.c.key == job.key
