"""Workers: they claim due jobs with a lease, do them, and settle them (spec PF-6).

A claim is committed before the work begins, so that no transaction waits for a worker that uses
the network. If the worker dies, another one claims the job when the lease has expired.
"""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import cycle, product
from typing import Any

from sqlalchemy import text

from common import telemetry
from common.clock import Clock
from common.db import database
from common.errors import Unavailable
from common.jobs.jobs import LEASE, Job, JobContext, Jobs, Later, plan_again
from common.jobs.schedule import WAITING, due, schedule_recurring
from common.resilience.lasting import LastingThread
from common.rpc import request_context

log = logging.getLogger(__name__)

BATCH = 4
"""The number of jobs that a lane claims at once, unless it has more threads."""
_PAUSE = timedelta(seconds=1)  # before a job is tried again after something was unavailable
_LONGEST_PAUSE = 300  # seconds before a job is tried again after a fault

_DONE, _POSTPONED, _FAILED = "done", "postponed", "failed"
_attempts = telemetry.Counter("attune.jobs.attempts", "Attempts to do a job, by kind and outcome")

_CLAIM = text(
    """
    UPDATE due SET leased_until = :until
    FROM (
        SELECT kind, key FROM due
        WHERE due_at <= :now AND kind = ANY(:kinds)
            AND (leased_until IS NULL OR leased_until <= :now)
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS ripe
    WHERE due.kind = ripe.kind AND due.key = ripe.key
    RETURNING due.*
    """
).columns(*due.c)


class Worker:
    """The threads that do due jobs. Replicas share the jobs without waiting for each other."""

    def __init__(
        self,
        db: database.Database,
        clock: Clock,
        jobs: Jobs,
        peers: Any = None,
        poll: float = 0.5,
    ) -> None:
        self._database = db
        self._clock = clock
        self._jobs = jobs
        self._peers = peers
        self.poll = poll
        self._unsettled: list[tuple[Job, datetime, int]] = []
        self._unplanned: Mapping[str, timedelta] = {}
        self._lanes = [_Lane(self, name, threads) for name, threads in jobs.lanes()]

    def start(self) -> None:
        for kind, outcome in product(self._jobs.handlers, (_DONE, _POSTPONED, _FAILED)):
            _count(kind, outcome, 0)
        self._unplanned = self._jobs.recurring
        for lane in self._lanes:
            self._database.listen(WAITING, lane.wake.set)
            lane.thread.start()

    def stop(self) -> None:
        """Finish the jobs that are being done, and stop."""
        for lane in self._lanes:
            lane.stop()

    def is_well(self) -> bool:
        """Return whether every lane claims its jobs."""
        return all(lane.thread.is_well() for lane in self._lanes)

    def work_all(self) -> int:
        """Do all due jobs in this thread, and return their number. For tests."""
        count = idle = 0
        for name in cycle(list(self._jobs.kinds)):
            claimed = self.claim(name, BATCH)
            for job in claimed:
                self.do(job)
            count += len(claimed)
            idle = 0 if claimed else idle + 1
            if idle == len(self._jobs.kinds):
                break
        return count

    def claim(self, lane: str, most: int) -> list[Job]:
        """Lease the most overdue jobs of a lane, at most so many."""
        while self._unsettled:
            self._put_off(*self._unsettled[-1])
            self._unsettled.pop()
        now = self._clock.now()
        self._plan_recurring(now)
        kinds = self._jobs.kinds[lane]
        values = {"now": now, "until": now + LEASE, "kinds": kinds, "most": most}
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            found = [Job(**row._mapping) for row in session.execute(_CLAIM, values)]
        return sorted(found, key=lambda job: job.due_at)

    def _plan_recurring(self, now: datetime) -> None:
        """Plan the recurring jobs that have no plan yet, once in the life of a worker."""
        if not self._unplanned:
            return
        with self._database.transaction(database.EVERY_PRACTICE) as session:
            for kind, interval in self._unplanned.items():
                schedule_recurring(session, kind, interval, now)
        self._unplanned = {}

    def do(self, job: Job) -> None:
        """Do a claimed job, unless so much of its lease is gone that it could be done twice."""
        now = self._clock.now()
        if now >= job.leased_until - LEASE / 2:
            return
        context = JobContext[Any](self._database, job, now, self._peers)
        try:
            with (
                request_context.of(f"due:{job.kind}:{job.key}"),
                telemetry.span(f"due {job.kind}"),
            ):
                self._jobs.handlers[job.kind](job, context)
                if not context.settled:
                    with context.settle():
                        pass
            _count(job.kind, _DONE)
        except Later as later:
            _count(job.kind, _POSTPONED)
            self._fail(job, later.at, job.attempts + 1)
        except Unavailable as error:
            _count(job.kind, _POSTPONED)
            log.warning("job postponed: %s", error.reason, extra={"kind": job.kind, "key": job.key})
            self._fail(job, now + _PAUSE, job.attempts)
        except Exception:
            _count(job.kind, _FAILED)
            log.exception("job failed", extra={"kind": job.kind, "key": job.key})
            pause = timedelta(seconds=min(2**job.attempts, _LONGEST_PAUSE))
            self._fail(job, now + pause, job.attempts + 1)

    def _fail(self, job: Job, at: datetime, attempts: int) -> None:
        try:
            self._put_off(job, at, attempts)
        except Unavailable:
            self._unsettled.append((job, at, attempts))
        except Exception:  # nothing checks a job's thread; the lease expires
            log.exception("could not postpone the job", extra={"kind": job.kind, "key": job.key})

    def _put_off(self, job: Job, at: datetime, attempts: int) -> None:
        with self._database.transaction(job.practice_id) as session:
            plan_again(session, job, at, attempts)


class _Lane:
    """Claims the jobs of one lane, and has its threads do them."""

    def __init__(self, worker: Worker, name: str, threads: int) -> None:
        self.wake = threading.Event()
        self._worker = worker
        self._lane = name
        self._most = max(threads, BATCH)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"jobs-{name}")
        self._doing: set[Future[None]] = set()
        self._ended = threading.Event()
        self.thread = LastingThread(f"jobs-{name}", self._run, self._ended)

    def stop(self) -> None:
        self._ended.set()
        self.wake.set()
        self.thread.join(5)
        self._pool.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._ended.is_set():
            self.wake.clear()
            try:
                self._claim()
            except Exception as error:  # the database is unreachable: the rows are still there
                log.warning("cannot claim jobs: %s", type(error).__name__)
            if not self._ended.is_set():  # else the wake-up of `stop` may have been cleared
                self.wake.wait(self._worker.poll)

    def _claim(self) -> None:
        self._doing = {job for job in self._doing if not job.done()}
        room = self._most - len(self._doing)
        claimed = self._worker.claim(self._lane, room) if room else []
        for job in claimed:
            self._doing.add(doing := self._pool.submit(self._worker.do, job))
            if len(claimed) == room:  # there may be more
                doing.add_done_callback(lambda _: self.wake.set())


def _count(kind: str, outcome: str, attempts: int = 1) -> None:
    _attempts.add({"kind": kind, "outcome": outcome}, attempts)
