"""Retention: how long each kind of data is kept, and the job that removes what is older (PF-10).

The table `KINDS` has the defaults, which the setting RETENTION changes: `notices=200d;notes=off`.
A service removes its kinds with functions that it registers (`Purges`). Rows go in small batches;
each batch commits with an audit entry for each practice, so that a crash leaves neither rows
without proof nor proof without removal.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from common import audit
from common.config import Misconfigured
from common.db.database import EVERY_PRACTICE, Database
from common.rpc import request_context

log = logging.getLogger(__name__)

EVERY_SERVICE = "every"
BATCH = 500
"""Rows that one transaction removes at most."""
_OFF = "off"
_PERIOD = re.compile(r"([0-9]{1,5})d")


@dataclass(frozen=True)
class Kind:
    """A kind of data. `days` is the default, None for off; fewer than `least` are refused."""

    name: str
    service: str
    days: int | None
    least: int
    what: str


KINDS = (
    Kind("notes", "booking", 180, 1, "notes and reasons of bookings that did not take place"),
    Kind("clients", "booking", None, 365, "clients without bookings: names and contact details"),
    Kind("links", "telehealth-rooms", 30, 1, "links into the rooms of ended sessions"),
    # A projection's rebuild must not take a removed notice for one that was never queued.
    Kind("notices", "notifications", 400, 60, "which notices were sent about which booking"),
    Kind("mailbox", "notifications", 30, 1, "messages in the development mailbox"),
    Kind("feeds", "calendar-sync", 400, 30, "calendar feeds that no program has read"),
    Kind("sessions", "gateway", 30, 0, "sessions of staff that have ended"),
    Kind("sign-ins", "gateway", 1, 1, "counts of attempts to sign in"),
    # The stream keeps events for 7 days, and a dead letter can be replayed as long.
    Kind("inbox", EVERY_SERVICE, 14, 8, "ids of events that were handled"),
    Kind("answers", EVERY_SERVICE, 2, 1, "answers stored under idempotency keys"),
)
"""What is kept for how long, by default."""

Purge = Callable[[Session, datetime, int], Sequence[UUID]]
"""Removes at most so many items from before an instant, without waiting for locked rows; returns
the practice of each, `audit.NO_PRACTICE` for what belongs to none."""


@dataclass(frozen=True)
class Rule:
    """A kind of data of one service, and for how long it is kept here."""

    kind: Kind
    keep: timedelta
    purge: Purge


class Purges:
    """The functions that remove a service's kinds of data."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.by_kind: dict[str, Purge] = {}

    def on(self, kind: str) -> Callable[[Purge], Purge]:
        """Register the function that removes a kind of data."""

        def register(purge: Purge) -> Purge:
            self.by_kind[kind] = purge
            return purge

        return register

    def add(self, kind: str, statement: str) -> None:
        """Register a statement that removes at most `:most` items from before `:cutoff` and
        returns their practices."""
        self.by_kind[kind] = _statement(statement)

    def rules(self, setting: str) -> list[Rule]:
        """Return the kinds that this service removes, by the setting RETENTION.

        Raises Misconfigured.
        """
        days = periods(setting)
        return [
            Rule(kind, timedelta(days=keep), self.by_kind[kind.name])
            for kind in KINDS
            if kind.name in self.by_kind and (keep := days[kind.name]) is not None
        ]


def shared(purges: Purges) -> Purges:
    """Add what every service with events removes."""
    for kind, table, key, column in (
        ("inbox", "inbox", "message_id", "received_at"),
        ("answers", "idempotency", "(scope, request_id)", "created_at"),
    ):
        columns = key.strip("()")
        purges.add(
            kind,
            f"DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table}"  # noqa: S608  # ours
            f" WHERE {column} < :cutoff LIMIT :most FOR UPDATE SKIP LOCKED)"
            f" RETURNING CAST('{audit.NO_PRACTICE}' AS uuid)",
        )
    return purges


def periods(setting: str) -> Mapping[str, int | None]:
    """Return the days for which each kind is kept, None for ever. Raises Misconfigured."""
    kinds = {kind.name: kind for kind in KINDS}
    found = {kind.name: kind.days for kind in KINDS}
    for part in filter(None, (part.strip() for part in setting.split(";"))):
        name, _, period = part.partition("=")
        match = _PERIOD.fullmatch(period)
        if name not in kinds:
            raise Misconfigured(f"RETENTION: no kind {name!r}; kinds are {', '.join(kinds)}")
        if period != _OFF and not match:
            raise Misconfigured(f"RETENTION: {part!r} must be like {name}=90d or {name}=off")
        days = int(match[1]) if match else None
        if days is not None and days < kinds[name].least:
            raise Misconfigured(f"RETENTION: {name} must be kept for {kinds[name].least}d or more")
        found[name] = days
    return found


def run(
    database: Database,
    rules: Sequence[Rule],
    now: datetime,
    *,
    between: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Rule, int]]:
    """Remove what is older than its period, and yield each kind with the number removed.

    `between` is called between batches. It can be interrupted and repeated at any time, and run
    twice at once.
    """
    for rule in rules:
        removed = 0
        while True:
            count = _batch(database, rule, now - rule.keep)
            removed += count
            if count < BATCH:
                break
            between()
        if removed:
            log.info("retention", extra={"kind": rule.kind.name, "removed": removed})
        yield rule, removed


def _batch(database: Database, rule: Rule, cutoff: datetime) -> int:
    with (
        request_context.of(f"retention:{rule.kind.name}"),
        database.transaction(EVERY_PRACTICE) as session,
    ):
        practices = rule.purge(session, cutoff, BATCH)
        for practice, count in sorted(Counter(practices).items()):
            audit.record(
                session,
                "retention.remove",
                practice_id=practice,
                kind=rule.kind.name,
                count=count,
                before=f"{cutoff:%Y-%m-%d}",
            )
    return len(practices)


def _statement(statement: str) -> Purge:
    prepared = text(statement)

    def purge(session: Session, cutoff: datetime, most: int) -> Sequence[UUID]:
        values: dict[str, Any] = {"cutoff": cutoff, "most": most}
        return session.scalars(prepared, values).all()

    return purge
