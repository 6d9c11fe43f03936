"""Retention and the results of checks, on a real PostgreSQL, with a clock that tests move."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from attune_testing.clock import TestClock, utc
from attune_testing.concurrency import at_once
from attune_testing.waiting import until
from common import audit, ids, telemetry
from common.audit import Chain, Entry
from common.config import Misconfigured
from common.db.database import EVERY_PRACTICE, Database
from common.db.idempotency import requests
from common.upkeep import checks, retention
from common.upkeep.retention import KINDS, Purges, Rule
from common.upkeep.upkeep import RETENTION, Upkeep

NOW = utc("2026-03-01 12:00")
DAY = timedelta(days=1)
KIND = "notices"
KEPT = timedelta(days=400)


class Case:
    """Rows of two practices that no other test uses, kept for 400 days."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.scope = f"test-{ids.new()}"
        self.here, self.there = ids.new(), ids.new()
        self.failing_batch = 0  # which batch fails, counted from 1 …
        self.fails_at_proof = False  # … after its rows are removed
        self.batches = 0
        self.purges = Purges("sample")
        self.purges.on(KIND)(self.purge)

    def add(self, practice: UUID, count: int, age: timedelta) -> None:
        with self.database.transaction(practice) as session:
            for _ in range(count):
                row = {"scope": self.scope, "request_id": f"{practice}:{ids.new()}"}
                more = {"fingerprint": b"", "created_at": NOW - age}
                session.execute(insert(requests).values(**row, **more))

    def purge(self, session: Session, cutoff: datetime, most: int) -> Sequence[UUID]:
        self.batches += 1
        statement = text(
            "DELETE FROM idempotency WHERE request_id IN (SELECT request_id FROM idempotency"
            " WHERE scope = :scope AND created_at < :cutoff LIMIT :most FOR UPDATE SKIP LOCKED)"
            " AND scope = :scope"
            " RETURNING CAST(split_part(request_id, ':', 1) AS uuid)"
        )
        values = {"scope": self.scope, "cutoff": cutoff, "most": most}
        found = session.scalars(statement, values).all()
        if self.batches == self.failing_batch:
            if self.fails_at_proof:
                return [None]  # type: ignore[list-item]  # nobody's, which cannot be recorded
            raise RuntimeError("the process dies")
        return found

    def rules(self, setting: str = "") -> list[Rule]:
        return self.purges.rules(setting)

    def run(self) -> int:
        return sum(removed for _, removed in retention.run(self.database, self.rules(), NOW))

    def left(self) -> int:
        with self.database.transaction(EVERY_PRACTICE) as session:
            rows = select(requests.c.request_id).where(requests.c.scope == self.scope)
            return len(session.scalars(rows).all())

    def proven(self, practice: UUID) -> list[list[str]]:
        """Return what the audit says was removed of a practice."""
        with self.database.transaction(practice) as session:
            of_retention = select(Entry.things).where(
                Entry.practice_id == practice, Entry.action == "retention.remove"
            )
            return list(session.scalars(of_retention.order_by(Entry.sequence)))

    def proven_count(self) -> int:
        proven = self.proven(self.here) + self.proven(self.there)
        return sum(int(re.findall(r"count:(\d+)", " ".join(things))[0]) for things in proven)


@pytest.fixture
def case(database: Database, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(retention, "BATCH", 3)
    return Case(database)


@pytest.mark.req("PF-10")
def test_what_is_older_is_removed_with_proof_in_each_practices_audit(case: Case) -> None:
    case.add(case.here, 4, KEPT + DAY)
    case.add(case.there, 1, KEPT + DAY)
    case.add(case.here, 2, KEPT - DAY)
    assert case.run() == 5
    assert case.left() == 2
    assert case.proven_count() == 5
    before = f"before:{NOW - KEPT:%Y-%m-%d}"
    [there] = case.proven(case.there)
    assert there == [f"kind:{KIND}", "count:1", before]
    assert all(
        things[0] == f"kind:{KIND}" and before in things for things in case.proven(case.here)
    )
    assert case.run() == 0
    assert case.proven_count() == 5, "nothing removed, nothing to prove"
    with case.database.transaction(EVERY_PRACTICE) as session:
        assert not audit.verify(session, Chain("sample")).fault


@pytest.mark.req("PF-10")
@pytest.mark.parametrize("at_proof", [False, True])
def test_a_crash_leaves_neither_removal_without_proof_nor_proof_without_removal(
    case: Case, at_proof: bool
) -> None:
    case.add(case.here, 8, KEPT + DAY)
    case.failing_batch, case.fails_at_proof = 2, at_proof
    with pytest.raises((RuntimeError, ValueError)):
        case.run()
    assert (case.left(), case.proven_count()) == (5, 3)
    assert case.run() == 5
    assert (case.left(), case.proven_count()) == (0, 8)


@pytest.mark.req("PF-10")
def test_two_at_once_remove_each_row_once(case: Case) -> None:
    case.add(case.here, 20, KEPT + DAY)
    case.add(case.there, 20, KEPT + DAY)
    at_once([case.run] * 2)
    case.run()  # whatever both left to each other
    assert (case.left(), case.proven_count()) == (0, 40)


@pytest.mark.req("PF-10")
def test_a_kind_is_switched_off_or_kept_longer(case: Case) -> None:
    [rule] = case.rules("mailbox=off; notices=500d;")
    assert (rule.kind.name, rule.keep) == (KIND, timedelta(days=500))
    assert case.rules("notices=off") == []


@pytest.mark.req("PF-10")
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("notes=1y", "RETENTION: 'notes=1y' must be like notes=90d or notes=off"),
        ("notes", "RETENTION: 'notes' must be like notes=90d or notes=off"),
        ("clients=30d", "RETENTION: clients must be kept for 365d or more"),
        ("bills=1d", "RETENTION: no kind 'bills'; kinds are " + ", ".join(k.name for k in KINDS)),
    ],
)
def test_a_wrong_setting_is_explained(setting: str, message: str) -> None:
    with pytest.raises(Misconfigured) as error:
        retention.periods(setting)
    assert str(error.value) == message


@pytest.mark.req("PF-10")
def test_the_shared_kinds_are_removed(database: Database) -> None:
    scope = f"test-{ids.new()}"
    statement = text(
        "INSERT INTO idempotency (scope, request_id, fingerprint, created_at) VALUES"
        " (:scope, 'old', '', :old), (:scope, 'new', '', :new)"
    )
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(statement, {"scope": scope, "old": NOW - 3 * DAY, "new": NOW - DAY})
        inbox = text("INSERT INTO inbox VALUES (:old_id, :old), (:new_id, :new)")
        ages = {"old": NOW - 15 * DAY, "new": NOW - 13 * DAY}
        session.execute(inbox, {**ages, "old_id": f"{scope}-old", "new_id": f"{scope}-new"})
    rules = retention.shared(Purges("sample")).rules("")
    removed = {rule.kind.name: n > 0 for rule, n in retention.run(database, rules, NOW)}
    assert removed == {"inbox": True, "answers": True}
    with database.transaction(EVERY_PRACTICE) as session:
        kept = session.scalars(select(requests.c.request_id).where(requests.c.scope == scope))
        assert list(kept) == ["new"]
        ids_kept = text("SELECT message_id FROM inbox WHERE message_id LIKE :scope")
        assert list(session.scalars(ids_kept, {"scope": f"{scope}%"})) == [f"{scope}-new"]


@pytest.mark.req("PF-10", "PF-6")
def test_of_two_replicas_one_removes_each_hour(case: Case) -> None:
    clock = TestClock(NOW)
    with case.database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("DELETE FROM due WHERE kind = :kind"), {"kind": RETENTION})
    replicas = [Upkeep(case.database, clock) for _ in range(2)]
    for replica in replicas:
        replica.retain(case.purges, "")
        replica.poll = 0.02
        replica.start()
    try:
        for hour in range(1, 4):
            wanted = {NOW + hour * timedelta(hours=1)}
            until(partial(planned, case.database), wanted.__contains__)
            assert case.batches == hour
            clock.advance(timedelta(hours=1))
    finally:
        for replica in replicas:
            replica.stop()


def planned(database: Database) -> datetime | None:
    """Return when retention runs next, unless a worker holds it."""
    with database.transaction(EVERY_PRACTICE) as session:
        free = text("SELECT due_at FROM due WHERE kind = :kind AND leased_until IS NULL")
        at: datetime | None = session.scalar(free, {"kind": RETENTION})
        return at


@pytest.mark.req("PF-6")
def test_a_plan_that_a_clock_ahead_has_put_off_is_moved_back(case: Case) -> None:
    with case.database.transaction(EVERY_PRACTICE) as session:
        session.execute(
            text(
                "INSERT INTO due (kind, key, practice_id, due_at) VALUES (:kind, :kind, :id, :at)"
                " ON CONFLICT (kind, key) DO UPDATE SET due_at = :at"
            ),
            {"kind": RETENTION, "id": audit.NO_PRACTICE, "at": NOW + 365 * DAY},
        )
    upkeep = Upkeep(case.database, TestClock(NOW))
    upkeep.retain(case.purges, "")
    upkeep.start()
    try:
        until(lambda: planned(case.database), lambda at: at == NOW + timedelta(hours=1))
    finally:
        upkeep.stop()


@pytest.mark.req("PF-4", "BK-2", "PF-17")
def test_every_replica_exports_what_checks_found_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(telemetry, "meter", provider.get_meter("test"))
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("DELETE FROM checks"))
    checks.export(database)
    assert exported(reader) == {}, "nothing was checked yet"
    with database.transaction(EVERY_PRACTICE) as session:
        checks.record(session, checks.PROJECTION + "taken", 7, NOW - DAY)
        checks.record(session, checks.PROJECTION + "taken", 2, NOW)
        checks.record(session, checks.OVERLAPS, 1, NOW)
        checks.record(session, checks.BACKUP, 0, NOW)
    seconds = NOW.timestamp()
    assert exported(reader) == {
        ("attune.projection.drift", "taken"): 2,
        ("attune.projection.checked", "taken"): seconds,
        ("attune.booking.overlaps", None): 1,
        ("attune.booking.overlaps.checked", None): seconds,
        ("attune.backup.completed", None): seconds,
    }
    provider.shutdown()


def exported(reader: InMemoryMetricReader) -> dict[tuple[str, Any], Any]:
    data = reader.get_metrics_data()
    return {
        (metric.name, (point.attributes or {}).get("projection")): point.value  # type: ignore[union-attr]  # of a gauge
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
