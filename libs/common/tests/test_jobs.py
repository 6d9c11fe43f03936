"""Jobs: leases, lanes, plans that are moved and canceled, failures, on a real PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from attune_testing.clock import TestClock, utc
from attune_testing.waiting import until
from common import ids
from common.db.database import Database
from common.jobs import schedule as plans
from common.jobs.jobs import LEASE, Job, JobContext, Jobs, Later
from common.jobs.schedule import due, schedule
from common.jobs.worker import BATCH, Worker
from sample.store import Note

pytestmark = pytest.mark.req("PF-6")

Context = JobContext[Any]
MINUTE = timedelta(minutes=1)


class Case:
    """A kind of job that no other test uses."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.practice = ids.new()
        self.kind = f"test-{self.practice}"
        self.clock = TestClock(utc("2026-03-01 12:00"))

    def plan(self, key: str = "x", after: timedelta = timedelta(0), kind: str = "") -> None:
        with self.database.transaction(self.practice) as session:
            at = self.clock.now() + after
            schedule(session, kind or self.kind, key, self.practice, at, now=True)

    def jobs(self, do: Callable[[Job, Context], None], lane: str = "default") -> Jobs:
        jobs = Jobs()
        jobs.on(self.kind, lane)(do)
        return jobs

    def worker(self, do: Callable[[Job, Context], None], **options: Any) -> Worker:
        return Worker(self.database, self.clock, self.jobs(do), **options)

    def left(self) -> list[tuple[str, datetime, int]]:
        with self.database.transaction(self.practice) as session:
            columns = select(due.c.key, due.c.due_at, due.c.attempts)
            rows = session.execute(columns.where(due.c.practice_id == self.practice))
            return [(row.key, row.due_at, row.attempts) for row in rows]


@pytest.fixture
def case(database: Database) -> Case:
    return Case(database)


def test_a_job_is_done_at_its_time_once(case: Case) -> None:
    done: list[datetime] = []
    worker = case.worker(lambda _job, context: done.append(context.now))
    case.plan(after=5 * MINUTE)
    assert worker.work_all() == 0
    case.clock.advance(5 * MINUTE)
    assert worker.work_all() == 1
    assert worker.work_all() == 0
    assert done == [utc("2026-03-01 12:05")]


def test_a_worker_that_is_woken_does_not_wait_for_its_poll(case: Case) -> None:
    done: list[str] = []
    worker = case.worker(lambda job, _context: done.append(job.key), poll=3600)
    worker.start()
    for key in ("x", "y"):
        case.plan(key)
        until(partial(done.__contains__, key))
    worker.stop()
    assert done == ["x", "y"]


def test_while_a_job_is_done_others_plan_move_and_cancel_without_waiting(case: Case) -> None:
    """Even while a worker waits for the network, it holds no lock that others wait for."""
    inside, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def talk(job: Job, context: Context) -> None:
        inside.set()
        assert go_on.wait(30)
        with context.settle():
            done.append(job.key)

    changes: list[tuple[Callable[[], None], list[tuple[str, datetime, int]]]] = [
        (partial(case.plan, after=MINUTE), [("x", case.clock.now() + MINUTE, 0)]),
        (partial(moved, case, 2 * MINUTE), [("x", case.clock.now() + 2 * MINUTE, 0)]),
        (partial(canceled, case), []),
    ]
    for change, left in changes:
        inside.clear()
        go_on.clear()
        canceled(case)
        case.plan()
        working = threading.Thread(target=case.worker(talk).work_all)
        working.start()
        assert inside.wait(30)
        change()  # would wait for the lock of the row, and end with the statement's deadline
        go_on.set()
        working.join(30)
        assert case.left() == left
    assert done == ["x"] * 3


def moved(case: Case, after: timedelta) -> None:
    with case.database.transaction(case.practice) as session:
        plans.move(session, case.kind, "x", case.clock.now() + after)


def canceled(case: Case) -> None:
    with case.database.transaction(case.practice) as session:
        plans.cancel(session, case.kind, "x")


def test_a_job_that_was_planned_anew_while_it_was_done_is_done_again(case: Case) -> None:
    done: list[str] = []

    def plan_again(job: Job, context: Context) -> None:
        if not done:
            case.plan(job.key)
        with context.settle():
            done.append(job.key)

    case.plan()
    assert case.worker(plan_again).work_all() == 2
    assert case.left() == []


def test_a_job_of_a_worker_that_died_is_done_when_its_lease_has_ended(case: Case) -> None:
    def die(_job: Job, _context: Context) -> None:
        raise KeyboardInterrupt

    done: list[str] = []
    other = case.worker(lambda job, _context: done.append(job.key))
    case.plan()
    with pytest.raises(KeyboardInterrupt):
        case.worker(die).work_all()
    assert other.work_all() == 0, "it is leased"
    case.clock.advance(LEASE)
    assert other.work_all() == 1
    assert done == ["x"]


def test_a_job_begins_while_half_of_its_lease_is_left_or_is_claimed_again(case: Case) -> None:
    began: list[tuple[str, float]] = []
    start = case.clock.now()

    def take_long(job: Job, context: Context) -> None:
        began.append((job.key, (context.now - start) / LEASE))
        case.clock.advance(LEASE / 3)
        with context.settle():
            pass

    for number in range(3):
        case.plan(str(number), after=timedelta(microseconds=number))
    case.clock.advance(timedelta(microseconds=2))
    worker = case.worker(take_long)
    assert worker.work_all() == 3
    assert [round(at, 3) for _, at in began] == [0, 0.333]
    case.clock.advance(LEASE / 3)
    assert worker.work_all() == 1
    assert sorted(key for key, _ in began) == ["0", "1", "2"]


def test_many_workers_do_each_job_once(case: Case) -> None:
    done: list[str] = []
    for number in range(30):
        case.plan(str(number))

    def do(job: Job, context: Context) -> None:
        with context.settle():
            done.append(job.key)

    workers = [threading.Thread(target=case.worker(do).work_all) for _ in range(6)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(60)
    assert sorted(done) == sorted(map(str, range(30)))
    assert case.left() == []


def test_a_lane_does_not_wait_for_another(case: Case) -> None:
    go_on = threading.Event()
    done: list[str] = []

    def wait(_job: Job, _context: Context) -> None:
        go_on.wait(30)

    jobs = case.jobs(wait, lane="slow")
    jobs.on(f"{case.kind}-quick", lane="quick")(lambda job, _context: done.append(job.key))
    worker = Worker(case.database, case.clock, jobs, poll=0.05)
    case.plan("slow")
    worker.start()
    case.plan("quick", kind=f"{case.kind}-quick")
    until(lambda: [key for key, _, _ in case.left()] == ["slow"])
    assert done == ["quick"]
    go_on.set()
    until(lambda: case.left() == [])
    worker.stop()


def test_the_threads_of_a_lane_share_what_is_due(case: Case) -> None:
    together = threading.Barrier(3)
    jobs = Jobs({"mail": 3})

    @jobs.on(case.kind, lane="mail")
    def meet(_job: Job, _context: Context) -> None:
        together.wait(30)

    for number in range(3 * BATCH):
        case.plan(str(number))
    worker = Worker(case.database, case.clock, jobs, poll=0.01)
    worker.start()
    until(lambda: case.left() == [])
    worker.stop()


def test_jobs_wait_while_the_database_is_away_and_no_attempt_is_counted(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []

    def lose_the_connection(job: Job, context: Context) -> None:
        attempts.append(job.attempts)
        with context.settle() as session:
            if len(attempts) == 1:
                session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    case.plan()
    worker = case.worker(lose_the_connection)
    worker.work_all()
    case.clock.advance(timedelta(seconds=1))
    worker.work_all()
    assert attempts == [0, 0]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert case.left() == []


def test_a_job_that_fails_is_put_off_and_leaves_nothing_behind(case: Case) -> None:
    attempts: list[int] = []

    def fail_twice(job: Job, context: Context) -> None:
        with context.settle() as session:
            session.add(Note(id=ids.new(), practice_id=case.practice))
            session.flush()
            attempts.append(job.attempts)
            if len(attempts) < 3:
                raise Later(context.now + MINUTE)

    worker = case.worker(fail_twice)
    case.plan()
    for _ in range(3):
        worker.work_all()
        case.clock.advance(MINUTE)
    assert attempts == [0, 1, 2]
    assert notes(case.database, case.practice) == 1


def test_a_job_with_a_fault_is_tried_again_later_and_later(case: Case) -> None:
    def stumble(_job: Job, _context: Context) -> None:
        raise ZeroDivisionError

    worker = case.worker(stumble)
    case.plan()
    waits = []
    for _ in range(4):
        worker.work_all()
        [(_, at, _)] = case.left()
        waits.append((at - case.clock.now()).total_seconds())
        case.clock.present = at
    assert waits == [1, 2, 4, 8]


def test_a_job_can_ask_to_be_done_again(case: Case) -> None:
    done: list[datetime] = []

    def repeat(_job: Job, context: Context) -> None:
        with context.settle():
            done.append(context.now)
            if len(done) < 3:
                context.again(context.now + MINUTE)

    worker = case.worker(repeat)
    case.plan()
    for _ in range(4):
        worker.work_all()
        case.clock.advance(MINUTE)
    assert done == [utc("2026-03-01 12:00") + n * MINUTE for n in range(3)]
    assert case.left() == []


def notes(database: Database, practice: UUID) -> int:
    with database.transaction(practice) as session:
        mine = select(func.count()).select_from(Note).where(Note.practice_id == practice)
        return session.scalar(mine) or 0
