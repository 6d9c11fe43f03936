"""Plans: when to do which job, in the table `due`.

A plan is the one row of its kind and key. It can be moved or cancelled at any time, even while a
worker does the job, since the worker holds a lease but not the row's lock.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    Table,
    Text,
    Uuid,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common.db.database import EVERY_PRACTICE, SHARED, Database, wake

WAITING = "due"
"""What wakes the workers (`Database.wakes`)."""
NOBODY = UUID(int=0)
"""The practice of recurring jobs, which belong to none."""

due = Table(
    WAITING,
    SHARED,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("practice_id", Uuid, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # Grows whenever the job is planned again, so that a worker does not remove a newer plan.
    Column("plan", Integer, nullable=False, server_default=text("0")),
    Column("leased_until", DateTime(timezone=True)),
)


def overdue(db: Database, now: datetime) -> float:
    """Return the seconds since the oldest plan was due; 0 if none is due.

    A job that is being done counts too, and one that is to be tried again from then on.
    """
    with db.transaction(EVERY_PRACTICE) as session:
        oldest = session.scalar(select(func.min(due.c.due_at)))
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def schedule(
    session: Session, kind: str, key: object, practice_id: UUID, at: datetime, *, now: bool = False
) -> None:
    """Plan a job for the instant `at`, replacing any plan of the same kind and key.

    With `now`, a worker looks for the job right after the commit instead of at its next poll.
    """
    planned = insert(due).values(kind=kind, key=str(key), practice_id=practice_id, due_at=at)
    session.execute(
        planned.on_conflict_do_update(
            index_elements=[due.c.kind, due.c.key],
            set_={"due_at": at, "attempts": 0, "plan": due.c.plan + 1},
        )
    )
    if now:
        wake(session, WAITING)


def schedule_recurring(session: Session, kind: str, interval: timedelta, now: datetime) -> None:
    """Plan a recurring job for now, unless it is planned for an instant within its interval.

    A plan that a clock which ran ahead has put off for longer is moved back.
    """
    planned = insert(due).values(kind=kind, key=kind, practice_id=NOBODY, due_at=now)
    session.execute(
        planned.on_conflict_do_update(
            index_elements=[due.c.kind, due.c.key],
            set_={"due_at": now + interval},
            where=due.c.due_at > now + interval,
        )
    )


def move(session: Session, kind: str, key: object, at: datetime) -> None:
    """Move a plan to another instant, if there is one."""
    planned = update(due).where(due.c.kind == kind, due.c.key == str(key))
    session.execute(planned.values(due_at=at, attempts=0, plan=due.c.plan + 1))


def cancel(session: Session, kind: str, key: object) -> None:
    """Cancel a plan, if there is one."""
    session.execute(delete(due).where(due.c.kind == kind, due.c.key == str(key)))
