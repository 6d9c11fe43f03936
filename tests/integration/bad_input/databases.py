"""All databases of a stack, and whether any row of some practices has changed."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from attune_local.stack import Stack
from attune_testing.waiting import until
from common.services import GATEWAY, SERVICES, package

State = dict[str, tuple[int, str]]
"""Of each table, how many rows there are and what they add up to."""

# What is written for refused requests too, on purpose.
_APART = {
    "rate_limits": "counts every write that is tried",
    "sign_in_attempts": "counts every sign-in that is tried",
    "audit": "tells who asked for what, in vain as well",
    "audit_head": "the end of the audit's chain",
    "alembic_version": "written by migrations alone",
    "checks": "what scheduled checks have found last",
}
# Tables without a practice: how their rows of a practice are told. What has left the outbox was
# committed with rows of other tables; what is in an inbox came by events.
_TOLD_BY = {
    "idempotency": "scope ~ {names}",
    "outbox": "encode(payload, 'escape') ~ {names}",
    "inbox": "false",
}
_LATELY = ("last_seen_at",)  # columns that say when somebody was here


class Databases:
    """Compares the rows of some practices in every table of every service."""

    def __init__(self, stack: Stack, practices: Sequence[str], names: Sequence[str]) -> None:
        self._open = ExitStack()
        self._practices = list(practices)
        self._names = "|".join(map(re.escape, [*practices, *names]))
        self._queries = []
        for service in (*SERVICES, GATEWAY):
            url = f"{stack.postgres_url}/{package(service)}"
            connection = self._open.enter_context(psycopg.connect(url, autocommit=True))
            self._queries.append((connection, self._query(service, connection)))

    def close(self) -> None:
        self._open.close()

    def _query(self, service: str, connection: psycopg.Connection[Any]) -> sql.Composed:
        found = connection.execute(
            "SELECT table_name, bool_or(column_name = 'practice_id') FROM"
            " information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
        ).fetchall()
        parts = [
            self._part(service, table, has_practice)
            for table, has_practice in found
            if table not in _APART
        ]
        return sql.SQL(" UNION ALL ").join(parts)

    def _part(self, service: str, table: str, has_practice: bool) -> sql.Composed:
        """Return the query for the state of one table.

        Fails if nobody has defined which rows of the table belong to a practice.
        """
        own = (
            sql.SQL("practice_id = ANY({})").format(sql.Literal(self._practices))
            if has_practice
            else sql.SQL(_TOLD_BY[table]).format(names=sql.Literal(self._names))
        )
        return sql.SQL(
            "SELECT {name}, count(*), coalesce(sum(hashtextextended("
            "(to_jsonb(t) - {lately}::text[])::text, 0)), 0)::text FROM {table} t WHERE {own}"
        ).format(
            name=sql.Literal(f"{service}.{table}"),
            lately=sql.Literal(list(_LATELY)),
            table=sql.Identifier(table),
            own=own,
        )

    def state(self) -> State:
        """Return the present state of every table."""
        return {
            name: (count, total)
            for connection, query in self._queries
            for name, count, total in connection.execute(query)
        }

    def settle(self) -> None:
        """Wait until nothing changes any more."""
        seen: list[State] = []

        def look() -> bool:
            time.sleep(0.1)
            seen.append(self.state())
            return seen[-5:] == [seen[-1]] * 5

        until(look, bool)

    @contextmanager
    def unchanged(self, *but: str) -> Iterator[None]:
        """Fail if the block changes any table except some (`booking.holds`)."""
        before = self.state()
        yield
        after = self.state()
        assert {k: after[k] for k in after if before.get(k) != after[k] and k not in but} == {}
        if but:
            self.settle()  # what follows from a change is not the next one's doing
