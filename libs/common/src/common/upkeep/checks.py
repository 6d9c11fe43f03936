"""Results of scheduled checks: a row each, which every replica exports as metrics.

The replica that did a check is not the one that exists tomorrow. Since the result is in the
database, all replicas export the same value, a restart loses nothing, and a command's result counts
as much as the scheduled job's.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from sqlalchemy import BigInteger, Column, DateTime, Table, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import telemetry
from common.db.database import EVERY_PRACTICE, SHARED, Database

PROJECTION = "projection:"
"""Begins the names of drift checks; the projection's name follows."""
OVERLAPS = "booking overlaps"
BACKUP = "backup"
_PATIENCE = 1.0  # seconds that an export may wait for the database

checks = Table(
    "checks",
    SHARED,
    Column("name", Text, primary_key=True),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    Column("found", BigInteger, nullable=False),
)


def record(session: Session, name: str, found: int, now: datetime) -> None:
    """Keep the result of a check in place of the one before."""
    row = insert(checks).values(name=name, checked_at=now, found=found)
    values = {"checked_at": row.excluded.checked_at, "found": row.excluded.found}
    session.execute(row.on_conflict_do_update(index_elements=[checks.c.name], set_=values))


def results(session: Session) -> dict[str, tuple[int, datetime]]:
    """Return what each check found last, and when."""
    return {row.name: (row.found, row.checked_at) for row in session.execute(select(checks))}


def export(database: Database) -> None:
    """Export the results of a service's checks as metrics, read anew at each export."""
    for metric, unit, prefix, value in (
        ("attune.projection.drift", "{row}", PROJECTION, _found),
        ("attune.projection.checked", "s", PROJECTION, _time),
        ("attune.booking.overlaps", "{booking}", OVERLAPS, _found),
        ("attune.booking.overlaps.checked", "s", OVERLAPS, _time),
        ("attune.backup.completed", "s", BACKUP, _time),
    ):
        observe = _observer(database, prefix, value)
        telemetry.meter.create_observable_gauge(metric, [observe], unit)


def _observer(
    database: Database, prefix: str, value: Callable[[int, datetime], float]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterator[Observation]:
        try:
            with database.transaction(EVERY_PRACTICE, patience=_PATIENCE) as session:
                found = results(session)
        except Exception:  # an unreachable database exports nothing; readiness tells of it
            return
        for name, result in found.items():
            if name.startswith(prefix):
                yield Observation(value(*result), _attributes(name))

    return observe


def _attributes(name: str) -> dict[str, Any]:
    _, _, projection = name.partition(PROJECTION)
    return {"projection": projection} if projection else {}


def _found(found: int, _at: datetime) -> float:
    return found


def _time(_found: int, at: datetime) -> float:
    return at.timestamp()
