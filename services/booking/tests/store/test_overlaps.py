"""The audit of occupancy notices overlaps by itself, also without the exclusion constraint."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url

from attune_testing.clock import TestClock
from attune_testing.database import new_database
from booking.actions import auditing
from booking.domain.occupancy import Resource
from booking.jobs import jobs
from booking.store import overlaps
from common import ids
from common.audit import NO_PRACTICE
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.schedule import schedule
from common.jobs.worker import Worker
from common.upkeep import checks
from services.booking.tests.booking_world import NINE, NOW, book, form, resource, slot, terms

pytestmark = pytest.mark.req("BK-2")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def database(worker_id: str) -> Iterator[Database]:
    """A database of this module's own, which has lost its exclusion constraint."""
    made = new_database("booking", worker_id)
    with owner(made) as connection:
        connection.execute("ALTER TABLE occupancy DROP CONSTRAINT ex_occupancy_resource_during")
    yield made
    made.close()


def owner(database: Database) -> "psycopg.Connection[Any]":
    url = make_url(database.engine.url).set(drivername="postgresql")
    name = f"{url.username}_owner"
    return psycopg.connect(url.set(username=name).render_as_string(hide_password=False))


@pytest.fixture(autouse=True)
def _empty(database: Database) -> None:
    with database.transaction(EVERY_PRACTICE) as session:
        for table in ("booking_changes", "service_lines", "bookings", "occupancy", "checks"):
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # ours


Make = Callable[..., str]


@pytest.fixture
def make(database: Database) -> Make:
    """Book a session of 50 minutes, and return its id."""
    practice = ids.new()

    def book_at(provider: Resource, minutes: int, *rooms: Resource, **buffers: Any) -> str:
        where = slot(terms(practice, provider, *rooms, **buffers), NINE + minutes * MINUTE)
        return book(database, where, form()).booking_id

    return book_at


def found(database: Database) -> set[tuple[int, frozenset[str]]]:
    """Return the overlaps that an audit finds now: the resource, and both bookings."""
    with database.transaction(EVERY_PRACTICE) as session:
        count, listed = auditing.audit_overlaps(session, NOW)
        assert count == len(listed)
        assert checks.results(session)[checks.OVERLAPS] == (count, NOW)
    return {(o.resource, frozenset({str(o.booking_id), str(o.other_id)})) for o in listed}


def test_an_overlap_is_found_by_provider_and_by_room(database: Database, make: Make) -> None:
    provider, other, room = resource(), resource(), resource()
    first = make(provider, 0, room)
    assert found(database) == set()
    second = make(other, 30, room)
    assert found(database) == {(room.number, frozenset({first, second}))}
    third = make(provider, 49)
    assert found(database) == {
        (room.number, frozenset({first, second})),
        (provider.number, frozenset({first, third})),
    }


def test_one_after_the_other_is_no_overlap(database: Database, make: Make) -> None:
    provider = resource()
    for start in (0, 50, 100):
        make(provider, start)
    assert found(database) == set()


def test_buffers_count(database: Database, make: Make) -> None:
    provider = resource()
    first = make(provider, 0, buffer_after=15)
    second = make(provider, 60)
    assert found(database) == {(provider.number, frozenset({first, second}))}


def test_what_was_cancelled_or_is_over_does_not_count(database: Database, make: Make) -> None:
    provider = resource()
    make(provider, 0)
    second = make(provider, 10)
    assert len(found(database)) == 1
    with database.transaction(EVERY_PRACTICE) as session:
        change = text("UPDATE bookings SET status = :status WHERE id = :id")
        session.execute(change, {"status": "cancelled", "id": second})
    assert found(database) == set()
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(change, {"status": "confirmed", "id": second})
        session.execute(text("UPDATE bookings SET end_at = :old"), {"old": NOW - 25 * HOUR})
    assert found(database) == set()


def test_bookings_that_lost_their_occupancy_still_claim_their_provider(
    database: Database, make: Make
) -> None:
    provider = resource()
    first = make(provider, 0)
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("DELETE FROM occupancy WHERE ref = :ref"), {"ref": first})
    second = make(provider, 20)
    assert found(database) == {(provider.number, frozenset({first, second}))}


def test_the_job_does_it_again_and_again(database: Database, make: Make) -> None:
    provider, clock = resource(), TestClock(NOW)
    worker = Worker(database, clock, jobs)
    with database.transaction(EVERY_PRACTICE) as session:
        schedule(session, "audit_overlaps", "audit_overlaps", NO_PRACTICE, NOW)
    make(provider, 0)
    worker.work_all()
    assert recorded(database) == (0, NOW)
    make(provider, 0)
    worker.work_all()
    assert recorded(database) == (0, NOW), "five minutes are not over"
    clock.advance(5 * MINUTE)
    worker.work_all()
    assert recorded(database) == (1, NOW + 5 * MINUTE)


def recorded(database: Database) -> Any:
    with database.transaction(EVERY_PRACTICE) as session:
        return checks.results(session)[checks.OVERLAPS]


def test_however_many_bookings_there_are_one_statement_reads_only_what_is_upcoming(
    database: Database, make: Make
) -> None:
    past, upcoming, overlapping = resource(), resource(), resource()
    fill(database, make(past, 0), "-5000", "-2")
    fill(database, make(upcoming, 0), "1", "3000")
    fill(database, make(overlapping, 0), "1", "3")
    fill(database, make(overlapping, 10), "1", "3")
    statements = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine: Engine = database.engine
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("ANALYZE bookings"))
        event.listen(engine, "before_cursor_execute", note)
        try:
            count, listed = overlaps.find(session, NOW)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert len(statements) == 1
        assert (count, len(listed)) == (4, 4)
        explained = session.execute(
            text(f"EXPLAIN (ANALYZE, FORMAT JSON) {overlaps._OVERLAPS.text}"),
            {"since": NOW, "listed": 100},
        ).scalar_one()
    read = [node for node in nodes(explained[0]["Plan"]) if node.get("Relation Name") == "bookings"]
    assert sum(rows_read(node) for node in read) < 4000, "past bookings are not read"


def fill(database: Database, booking_id: str, first: str, last: str) -> None:
    """Copy a booking and its occupancy to the same time of other days."""
    with owner(database) as connection:
        connection.execute("SELECT set_config('attune.practice', '*', true)")
        for table, key in (("bookings", "id"), ("occupancy", "ref")):
            columns = connection.execute(
                "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''",
                [table],
            ).fetchone()
            assert columns
            new = {
                key: f"md5(day || '{booking_id}')::uuid",
                "manage_token_index": f"sha256((day || '{booking_id}')::bytea)",
                **{
                    column: f"{column} + day * interval '1 day'"
                    for column in ("start_at", "end_at", "session_start", "session_end")
                },
            }
            values = ", ".join(new.get(column, column) for column in columns[0])
            connection.execute(
                f"INSERT INTO {table} ({', '.join(columns[0])}) SELECT {values}"  # noqa: S608  # ours
                f" FROM {table}, generate_series({first}, {last}) AS day"
                f" WHERE {key} = '{booking_id}'"
            )


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def rows_read(node: Any) -> int:
    return int(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))
