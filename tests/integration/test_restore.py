"""One database is lost and restored, by the very commands of docs/operations.md (spec PF-17).

`test_backup.py` does the same with everything; it takes longer.
"""

import signal
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from attune_local.servers import stop
from attune_local.stack import make_database
from attune_testing.waiting import until
from tests.backups import Documented
from tests.faults import FaultyStack
from tests.integration.chaos.quiet import query
from tests.integration.conftest import Faulty
from tests.world import World

pytestmark = pytest.mark.req("PF-17")
_BILLING = "billing"


def complete(world: World) -> str:
    """Have a session take place, and return its booking's id."""
    booking = world.book()
    world.come(booking)
    world.owner.post(f"/bookings/{booking['id']}/complete")
    return str(booking["id"])


def bills(world: World) -> list[str]:
    found: list[dict[str, Any]] = world.owner.get("/billables", limit=200)["billables"]
    return sorted(bill["booking"] for bill in found)


def owed(stack: FaultyStack, world: World) -> int:
    statement = (
        "SELECT coalesce(sum(amount), 0)::bigint AS owed FROM postings"
        " WHERE practice_id = %s AND account = 'receivable:client'"
    )
    [row] = query(stack, _BILLING, statement, world.practice_id)
    return int(row["owed"])


def lose(stack: FaultyStack) -> None:
    """Remove the database of billing, and create it anew, empty."""
    with psycopg.connect(f"{stack.direct_postgres_url}/postgres", autocommit=True) as server:
        server.execute("DROP DATABASE billing WITH (FORCE)")
    make_database(stack.direct_postgres_url, _BILLING, stack.secrets.database_password)


def test_what_nats_still_holds_is_handled_once_after_a_restore(
    faulty: Faulty, tmp_path: Path
) -> None:
    stack = faulty.stack
    documented = Documented(stack, stack.direct_postgres_url, tmp_path, only=_BILLING)
    world = World.make(stack)
    before = complete(world)
    until(partial(bills, world), [before].__eq__)

    documented.run("pg_dump")
    began = datetime.now(UTC)
    documented.shell(f"attune backup completed {_BILLING}")
    [noted] = query(stack, _BILLING, "SELECT checked_at FROM checks WHERE name = 'backup'")
    assert noted["checked_at"] >= began
    after = complete(world)
    both = sorted([before, after])
    until(partial(bills, world), both.__eq__)

    [billing] = [process for process in stack.processes if process.name == _BILLING]
    stop(billing.handle, signal.SIGTERM, 30)
    lose(stack)
    documented.run("pg_restore")
    documented.shell(f"attune events replay {_BILLING}")
    stack.await_ready(stack.restart(billing))

    until(partial(bills, world), both.__eq__)
    faulty.await_quiet()
    assert bills(world) == both
    assert owed(stack, world) == 2 * 15000
    assert "entries, head" in documented.shell(f"attune audit verify {_BILLING}")
