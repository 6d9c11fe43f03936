"""Lists use an index that begins with the practice, so that others' rows cost nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from attune_testing.identities import staff
from booking.store import bookings, clients
from booking.store.tables import Booking, Client
from common import ids
from common.db.database import Database
from services.booking.tests.booking_world import NINE


def plan(database: Database, read: Callable[[Session], Any]) -> str:
    """Return PostgreSQL's plan of the first query that `read` makes."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    with Session(database.engine) as session:
        session.execute(
            text("SELECT set_config('attune.practice', :one, true)"), {"one": str(ids.new())}
        )
        # So that the plan is no matter of how much there is now, and what is known of it.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))
        event.listen(database.engine, "before_cursor_execute", note)
        try:
            read(session)
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        statement, parameters = asked[0]
        lines = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        found = "\n".join(row[0] for row in lines)
        session.rollback()
    return found


@pytest.mark.req("PF-18", "GW-13")
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("is_first", [True, False])
def test_lists_use_the_index_that_begins_with_the_practice(
    database: Database, is_first: bool, newest_first: bool
) -> None:
    viewer = staff(ids.new())
    wanted = bookings.Filter()
    order = bookings.NEWEST_FIRST if newest_first else bookings.BY_START
    token = "" if is_first else order.token(Booking(start_at=NINE, id=ids.new()))
    listed = plan(
        database,
        lambda session: bookings.page(
            session, viewer, wanted, token, 50, newest_first=newest_first
        ),
    )
    assert "ix_bookings_practice_id_start_at_id" in listed
    assert "Seq Scan" not in listed
    token = "" if is_first else clients.BY_CREATION.token(Client(created_at=NINE, id=ids.new()))
    listed = plan(database, lambda session: clients.page(session, viewer, token, 50))
    assert "ix_clients_practice_id_created_at_id" in listed
    assert "Seq Scan" not in listed
