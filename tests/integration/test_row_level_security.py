"""The databases keep practices apart even if a query forgets its filter: every table of every
service, as the catalogs list them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, IntegrityConstraintViolation, RaiseException
from psycopg.rows import tuple_row

from attune_local.stack import Stack
from attune_testing.waiting import until
from common.services import GATEWAY, SERVICES, package
from tests.world import World, token_of

pytestmark = pytest.mark.req("GW-13", "PF-1", "PF-9")

EVERY = (*SERVICES, GATEWAY)

# Tables that any practice's transaction can see, and why that is right.
SHARED = {
    "alembic_version": "the schema's revision",
    "outbox": "events by ids, published for all practices in one order",
    "inbox": "ids of events that were handled",
    "idempotency": "answers, encrypted, under keys that whoever asks must know",
    "checks": "counts and times of scheduled checks, of all practices together",
    "audit_head": "the end of the chain of all entries",
    "sign_in_attempts": "counts under blind indexes, before it is known whose account it is",
    "rate_limits": "counts under blind indexes of addresses and accounts",
    # Has a practice_id, under which the work is done once it is claimed.
    "due": "kinds, ids and times; claimed for all practices",
}

Connect = Callable[..., Any]


@contextmanager
def connected(url: str, practice: object = None) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection whose transaction belongs to a practice, as `common.db.database` does."""
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        if practice is not None:
            connection.execute("SELECT set_config('attune.practice', %s, true)", [str(practice)])
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def worlds(stack: Stack) -> tuple[World, World]:
    """Two practices in which every action that creates a row has happened."""
    made = World.make(stack), World.make(stack)
    for world in made:
        _live(world)
    return made


def _live(world: World) -> None:
    path = f"/providers/{world.username}"
    world.owner.post("/physical-rooms", {"name": "Room"}, status=201)
    far = (date.today() + timedelta(days=300)).isoformat()
    world.owner.post(f"{path}/overrides", {"date": far, "blocks": []}, status=201)
    held, booked = world.a_start(3), world.a_start(2)
    wanted = {"service": "session", "mode": "telehealth", "start": held}
    world.public.post(f"{path}/holds", wanted, status=201)
    body = world.request(booked)
    booking = world.book_as(body)
    world.owner.get(f"/bookings/{booking['id']}/room")
    feed = world.owner.get(f"{path}/calendar-feed")["url"]
    assert world.public.session.get(feed, timeout=60).status_code == 200
    world.owner.get(f"/bookings/{booking['id']}")
    world.public.get(f"/bookings/{booking['id']}", token=token_of(booking["manage_url"]))
    world.messages(body["client"]["email"])
    world.come(booking)
    world.owner.post(f"/bookings/{booking['id']}/complete")
    until(lambda: world.owner.get("/billables")["billables"], lambda found: len(found) == 1)
    world.book()  # so that something is taken


@pytest.fixture(scope="module")
def as_role(stack: Stack) -> Callable[..., Any]:
    """`as_role("booking", practice)` opens a connection as that service's role."""
    return lambda service, practice=None: connected(stack.database_url(service), practice)


@pytest.fixture(scope="module")
def as_superuser(stack: Stack) -> Callable[[str], Any]:
    return lambda service: connected(f"{stack.postgres_url}/{package(service)}")


def tables(connection: psycopg.Connection[Any], *, tenant: bool) -> set[str]:
    """Return the tables with the column practice_id, or those without."""
    found = connection.execute(
        """
        SELECT c.relname, EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'practice_id' AND NOT a.attisdropped
        )
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT LIKE 'pg\\_%'
          AND n.nspname <> 'information_schema'
        """
    )
    return {name for name, has_practice in found if has_practice == tenant}


@pytest.fixture(scope="module")
def protected(as_superuser: Callable[[str], Any]) -> dict[str, list[str]]:
    """The tables of each service that must be kept apart."""
    found = {}
    for service in EVERY:
        with as_superuser(service) as connection:
            found[service] = sorted(tables(connection, tenant=True) - SHARED.keys())
    return found


def test_every_table_is_of_practices_or_has_a_reason(as_superuser: Callable[[str], Any]) -> None:
    for service in EVERY:
        with as_superuser(service) as connection:
            assert tables(connection, tenant=False) <= SHARED.keys(), service


def test_every_table_of_practices_is_protected_by_the_one_policy(
    as_superuser: Callable[[str], Any], protected: dict[str, list[str]]
) -> None:
    """The policy is enabled, forced on the owner too, and no second policy lets more rows
    through."""
    policies = set()
    for service, names in protected.items():
        assert names, service
        with as_superuser(service) as connection:
            for name in names:
                [secured] = connection.execute(
                    "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class"
                    " WHERE oid = %s::regclass",
                    [name],
                )
                assert secured == (True,), f"{service}.{name}"
                [policy] = connection.execute(
                    "SELECT permissive, roles::text, cmd, qual, with_check FROM pg_policies"
                    " WHERE tablename = %s",
                    [name],
                )
                policies.add(policy)
    assert len(policies) == 1, policies


def test_every_table_has_rows_of_both_practices(
    worlds: tuple[World, World],
    as_superuser: Callable[[str], Any],
    protected: dict[str, list[str]],
) -> None:
    """Without rows, the following tests would prove nothing.

    Let `_live` create a row in a new table.
    """

    def practices(service: str, name: str) -> set[str]:
        with as_superuser(service) as connection:
            asked = sql.SQL("SELECT DISTINCT practice_id::text FROM {} WHERE practice_id = ANY(%s)")
            ids = [[world.practice_id for world in worlds]]
            return {found for (found,) in connection.execute(asked.format(_named(name)), ids)}

    both = {world.practice_id for world in worlds}
    for service, names in protected.items():
        for name in names:
            until(partial(practices, service, name), lambda found: found == both)


@pytest.mark.parametrize("service", EVERY)
def test_a_query_that_forgets_to_filter_shows_nothing_foreign(
    worlds: tuple[World, World],
    as_role: Callable[..., Any],
    protected: dict[str, list[str]],
    service: str,
) -> None:
    mine, theirs = (world.practice_id for world in worlds)
    for name in protected[service]:
        everything = sql.SQL("SELECT practice_id::text FROM {}").format(_named(name))
        with as_role(service, mine) as connection:
            assert {row[0] for row in connection.execute(everything)} == {mine}, name
            by_id = sql.SQL("SELECT count(*) FROM {} WHERE practice_id = %s").format(_named(name))
            assert connection.execute(by_id, [theirs]).fetchall() == [(0,)], name


@pytest.mark.parametrize("service", EVERY)
@pytest.mark.parametrize("practice", [None, "", uuid4()], ids=["never set", "empty", "unknown"])
def test_without_a_practice_there_is_nothing(
    worlds: tuple[World, World],
    as_role: Callable[..., Any],
    protected: dict[str, list[str]],
    service: str,
    practice: object,
) -> None:
    for name in protected[service]:
        with as_role(service, practice) as connection:
            asked = sql.SQL("SELECT count(*) FROM {}").format(_named(name))
            assert connection.execute(asked).fetchall() == [(0,)], name


@pytest.mark.parametrize("service", EVERY)
def test_rows_of_another_practice_can_be_neither_changed_nor_removed_nor_made(
    worlds: tuple[World, World],
    as_role: Callable[..., Any],
    as_superuser: Callable[[str], Any],
    protected: dict[str, list[str]],
    service: str,
) -> None:
    mine, theirs = (world.practice_id for world in worlds)
    writes = {
        "change theirs": "UPDATE {table} SET {column} = {column} WHERE practice_id = %(theirs)s",
        "remove theirs": "DELETE FROM {table} WHERE practice_id = %(theirs)s",
        "give away mine": "UPDATE {table} SET practice_id = %(theirs)s",
        "make theirs": (
            "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM ("
            " SELECT (jsonb_populate_record(t, jsonb_build_object("
            "  'practice_id', %(theirs)s::text))).* FROM {table} AS t LIMIT 1) AS copied"
        ),
    }
    for name in protected[service]:
        columns = _columns(as_superuser, service, name)
        for what, statement in writes.items():
            query = sql.SQL(statement).format(
                table=_named(name),
                column=columns[0],
                columns=sql.SQL(", ").join(columns),
            )
            touched = -1
            with as_role(service, mine) as connection:
                try:
                    touched = connection.execute(query, {"theirs": theirs}).rowcount
                except (InsufficientPrivilege, RaiseException, IntegrityConstraintViolation):
                    continue  # refused aloud, by the policy, or by a table that only grows
            assert what in ("change theirs", "remove theirs"), f"{what}: {name}"
            assert touched == 0, f"{what}: {name}"


@pytest.mark.parametrize("service", EVERY)
def test_a_services_role_cannot_get_around_it(as_role: Callable[..., Any], service: str) -> None:
    owner = f"{package(service)}_owner"
    with as_role(service) as connection:
        [role] = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert role == (False,) * 5
        memberships = connection.execute(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
            " WHERE r.rolname = current_user"
        )
        assert memberships.fetchall() == [(0,)]
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        )
        assert owned.fetchall() == [(0,)]
    with as_role(service) as connection:
        for attempt in (
            f"SET ROLE {owner}",
            "SET ROLE postgres",
            f"SET SESSION AUTHORIZATION {owner}",
            "ALTER ROLE CURRENT_USER BYPASSRLS",
            "ALTER ROLE CURRENT_USER SUPERUSER",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT rolpassword FROM pg_authid",
            "SET log_statement = 'all'",
        ):
            _refused(connection, sql.SQL(attempt))


@pytest.mark.parametrize("service", EVERY)
def test_a_services_role_can_change_no_table(
    as_role: Callable[..., Any], protected: dict[str, list[str]], service: str
) -> None:
    with as_role(service) as connection:
        for name in protected[service]:
            for attempt in (
                "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
                "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
                "CREATE POLICY everybody ON {} USING (true)",
                "DROP POLICY practice ON {}",
                "TRUNCATE {}",
                "ALTER TABLE {} DISABLE TRIGGER ALL",
                "DROP TABLE {}",
            ):
                _refused(connection, sql.SQL(attempt).format(_named(name)))


def test_nothing_runs_with_the_rights_of_somebody_else(
    as_superuser: Callable[[str], Any],
) -> None:
    """Views and functions of the owner would read with the owner's rights."""
    for service in EVERY:
        with as_superuser(service) as connection:
            found = connection.execute(
                """
                SELECT relname FROM pg_class
                WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace
                UNION ALL
                SELECT proname FROM pg_proc
                WHERE prosecdef AND pronamespace = 'public'::regnamespace
                """
            )
            assert found.fetchall() == [], service


def test_a_service_cannot_even_connect_to_the_database_of_another(stack: Stack) -> None:
    for service in EVERY:
        for other in {*EVERY} - {service}:
            server, _, _ = stack.database_url(service).rpartition("/")
            with (
                pytest.raises(psycopg.OperationalError, match="permission denied"),
                connected(f"{server}/{package(other)}"),
            ):
                pass


def _refused(connection: psycopg.Connection[Any], statement: sql.SQL | sql.Composed) -> None:
    with pytest.raises(InsufficientPrivilege), connection.transaction():
        connection.execute(statement)


def _named(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _columns(as_superuser: Callable[[str], Any], service: str, table: str) -> list[sql.Identifier]:
    """Return the columns that are not computed, beginning with one that the service's role may
    update."""
    with as_superuser(service) as connection:
        found = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = ''"
            " ORDER BY attidentity <> '', NOT has_column_privilege(%s, attrelid, attnum, 'UPDATE')",
            [table, package(service)],
        )
        return [_named(name) for (name,) in found]
