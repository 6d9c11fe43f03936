"""Which key the encrypted values of a database stand under; encrypting them again under the current
one while everything serves (spec PF-7).

Encrypted columns are found in the database's own catalogue: every binary one whose name ends with
`_sealed`, and the answers of `common.db.idempotency`. A value is bound to its row by the row's
primary key, so that it can be read and written here without the service that it belongs to.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from common.db import encryption
from common.db.database import EVERY_PRACTICE, Database

log = logging.getLogger(__name__)

BATCH = 100  # rows locked at once, for milliseconds
NO_KEY = "?"  # of a value that is not encrypted
_SAMPLE = 8 * 1024 * 1024  # bytes of each table that are looked at when a service starts
_PATIENCE = 10.0  # seconds for rows that others hold
_PAUSE = 0.2
_ATTEMPTS = 60  # a second apart, for a database that is away at the start

_TABLES = text(
    r"""
    SELECT c.relname AS name, pg_relation_size(c.oid) AS size,
        array_agg(a.attname::text ORDER BY a.attnum) AS columns,
        (SELECT array_agg(k.attname::text ORDER BY part.number)
            FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS part (attnum, number)
            JOIN pg_attribute k ON k.attnum = part.attnum
            WHERE i.indrelid = c.oid AND i.indisprimary AND k.attrelid = c.oid) AS key
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT c.relispartition AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped
        AND (a.attname LIKE '%\_sealed' OR (c.relname, a.attname) = ('idempotency', 'response'))
    GROUP BY c.oid, c.relname ORDER BY c.relname
    """
)


@dataclass(frozen=True)
class Table:
    """A table with its encrypted columns and its primary key; `size` in bytes."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    size: int

    def place(self, column: str, row: Sequence[object]) -> str:
        """What the value in the row of that primary key is bound to."""
        return encryption.place(self.name, column.removesuffix("_sealed"), ":".join(map(str, row)))


@dataclass(frozen=True)
class Outcome:
    """What became of a table: how many values were encrypted again, where one could not be read,
    and how many stand under other keys than the current one now."""

    changed: int
    unreadable: tuple[str, ...]
    left: int


def tables(session: Session) -> list[Table]:
    """The tables of a database that have encrypted columns."""
    return [
        Table(row.name, tuple(row.columns), tuple(row.key), row.size)
        for row in session.execute(_TABLES)
    ]


def counted(database: Database) -> dict[str, dict[str, int]]:
    """How many values of each column (`clients.name`) stand under which key. Reads everything."""
    found: dict[str, dict[str, int]] = {}
    with database.transaction(EVERY_PRACTICE) as session:
        _take_your_time(session)
        for table in tables(session):
            found |= _count(session, table)
    return found


def re_encrypt(database: Database) -> dict[str, Outcome]:
    """Encrypt all values under the current key, table by table, in small batches. Rows that others
    work on are left for a later pass, so that nobody waits for anybody. It can be stopped, and
    done again, at any time."""
    with database.transaction(EVERY_PRACTICE) as session:
        found = tables(session)
    return {table.name: _re_encrypt(database, table) for table in found}


def watch(database: Database) -> None:
    """Say in the log, soon, if values stand under keys that this process does not have. A sample
    of them is looked at, so that starting costs the same however large the tables are."""
    threading.Thread(target=_watch, args=(database,), name="keys", daemon=True).start()


def missing(database: Database) -> dict[str, list[str]]:
    """Keys that a sample of the values needs and the ring does not have, with the columns."""
    known, found = set(encryption.ring().names), dict[str, list[str]]()
    with database.transaction(EVERY_PRACTICE) as session:
        for table in tables(session):
            for column, counts in _count(session, table, _SAMPLE).items():
                for key in counts.keys() - known:
                    found.setdefault(key, []).append(column)
    return found


def _watch(database: Database) -> None:
    for _ in range(_ATTEMPTS):
        try:
            for key, where in missing(database).items():
                log.error("values stand under key %r, which is not here: %s", key, ", ".join(where))
        except Exception:  # the database is away
            threading.Event().wait(1)
        else:
            return


def _count(session: Session, table: Table, sample: int = 0) -> dict[str, dict[str, int]]:
    percent = min(100.0, 100.0 * sample / table.size) if sample and table.size else 100.0
    values = ", ".join(f"('{column}', {column})" for column in table.columns)
    rows = session.execute(
        text(
            "SELECT name, substring(stored FROM 1 FOR 1 + get_byte(stored, 0)), count(*)"  # noqa: S608  # from the catalogue
            f" FROM {table.name} TABLESAMPLE SYSTEM (:percent),"
            f" LATERAL (VALUES {values}) AS v (name, stored)"
            " WHERE length(stored) > 0 GROUP BY 1, 2"
        ),
        {"percent": percent},
    )
    counts: dict[str, dict[str, int]] = {}
    for column, beginning, count in rows:
        keys = counts.setdefault(f"{table.name}.{column.removesuffix('_sealed')}", {})
        key = encryption.key_of(bytes(beginning)) or NO_KEY
        keys[key] = keys.get(key, 0) + count
    return counts


def _re_encrypt(database: Database, table: Table) -> Outcome:
    changed, waited = 0, 0.0
    while True:
        now, unreadable = _pass(database, table)
        changed += now
        left = _left(database, table)
        if left <= len(unreadable) or waited > _PATIENCE:
            return Outcome(changed, tuple(unreadable), left)
        waited = 0.0 if now else waited + _PAUSE
        threading.Event().wait(_PAUSE)


def _left(database: Database, table: Table) -> int:
    current = encryption.ring().current
    with database.transaction(EVERY_PRACTICE) as session:
        _take_your_time(session)
        counts = _count(session, table).values()
    return sum(count for keys in counts for key, count in keys.items() if key != current)


def _pass(database: Database, table: Table) -> tuple[int, list[str]]:
    """Once through the table; returns how many values were changed, and which were unreadable."""
    changed, unreadable = 0, list[str]()
    after: Mapping[str, Any] = {}
    while True:
        with database.transaction(EVERY_PRACTICE) as session:
            _take_your_time(session)
            rows = _batch(session, table, after)
            written = []
            for row in rows:
                row_changed = _again(table, row, unreadable)
                changed += len(row_changed)
                if row_changed:
                    written.append({**row, **row_changed})
            if written:
                _write(session, table, written)
        if len(rows) < BATCH:
            return changed, unreadable
        after = rows[-1]


def _batch(session: Session, table: Table, after: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The next rows with values under other keys, locked against changes."""
    keys = ", ".join(table.key)
    behind = f"AND ({keys}) > ({_named(table)})" if after else ""
    older = " OR ".join(
        f"(length({column}) > 0 AND substring({column} FROM 1 FOR :size) <> :current)"
        for column in table.columns
    )
    current = encryption.prefix(encryption.ring().current)
    found = session.execute(
        text(
            f"SELECT {keys}, {', '.join(table.columns)} FROM {table.name}"  # noqa: S608  # from the catalogue
            f" WHERE ({older}) {behind}"
            f" ORDER BY {keys} LIMIT {BATCH} FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"size": len(current), "current": current, **after},
    )
    return [dict(row) for row in found.mappings()]


def _again(table: Table, row: Mapping[str, Any], unreadable: list[str]) -> dict[str, bytes]:
    """The row's values that were under other keys, under the current one."""
    ring, key = encryption.ring(), [row[part] for part in table.key]
    changed: dict[str, bytes] = {}
    for column in table.columns:
        stored, place = bytes(row[column] or b""), table.place(column, key)
        if not stored or ring.is_current(stored):
            continue
        try:
            changed[column] = ring.seal(ring.open(stored, place), place)
        except encryption.UndecipherableError as error:
            unreadable.append(str(error))
    return changed


def _write(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    values = ", ".join(f"{column} = :{column}" for column in table.columns)
    keys = ", ".join(table.key)
    statement = f"UPDATE {table.name} SET {values} WHERE ({keys}) = ({_named(table)})"  # noqa: S608  # from the catalogue
    session.execute(text(statement), rows)


def _named(table: Table) -> str:
    return ", ".join(f":{part}" for part in table.key)


def _take_your_time(session: Session) -> None:
    session.execute(text("SET LOCAL statement_timeout = 0"))
