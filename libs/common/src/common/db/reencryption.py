"""Re-encryption: which keys the values of a database need, and encrypting them again (spec PF-7).

Services keep running during the work. Encrypted columns are found in the database's catalog: every
binary column whose name ends with `_sealed`, and the answers of `common.db.idempotency`. The
location of a value follows from its row's primary key, so no code of the service is needed.
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

BATCH = 100
"""Rows that are locked at once, for milliseconds."""
NO_KEY = "?"
"""In place of a key's name, for a value that is not encrypted."""
_SAMPLE = 8 * 1024 * 1024  # bytes of each table that are read when a service starts
_WHOLE_TABLE = 3600.0  # seconds for a statement that reads a whole table
_PATIENCE = 10.0  # seconds to wait for rows that other transactions have locked
_PAUSE = 0.2  # seconds between passes
_ATTEMPTS = 60  # one a second, for a database that is unreachable at the start

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

    def location(self, column: str, key: Sequence[object]) -> str:
        """Return the location of a value, by its column and its row's primary key."""
        row_id = ":".join(map(str, key))
        return encryption.location(self.name, column.removesuffix("_sealed"), row_id)


@dataclass(frozen=True)
class Outcome:
    """The result for one table.

    `changed` counts the values that were encrypted again, `unreadable` lists those that could not
    be read, and `left` counts the values that are still under keys other than the current one.
    """

    changed: int
    unreadable: tuple[str, ...]
    left: int


def tables(session: Session) -> list[Table]:
    """Return the tables that have encrypted columns."""
    return [
        Table(row.name, tuple(row.columns), tuple(row.key), row.size)
        for row in session.execute(_TABLES)
    ]


def counted(database: Database) -> dict[str, dict[str, int]]:
    """Return the number of values by column (`clients.name`) and key. Reads all rows."""
    found: dict[str, dict[str, int]] = {}
    with database.transaction(EVERY_PRACTICE, patience=_WHOLE_TABLE) as session:
        for table in tables(session):
            found |= _count(session, table)
    return found


def re_encrypt(database: Database) -> dict[str, Outcome]:
    """Encrypt all values under the current key, and return the result for each table.

    Works in small batches. Rows that other transactions have locked are left for a later pass, so
    that no transaction waits. It can be interrupted and repeated at any time.
    """
    with database.transaction(EVERY_PRACTICE, patience=_WHOLE_TABLE) as session:
        found = tables(session)
    return {table.name: _re_encrypt(database, table) for table in found}


def watch(database: Database) -> None:
    """Log an error, in the background, if values need keys that this process lacks.

    Only a sample is read, so that a start costs the same however large the tables are.
    """
    threading.Thread(target=_watch, args=(database,), name="keys", daemon=True).start()


def missing(database: Database) -> dict[str, list[str]]:
    """Return the keys that a sample of the values needs and the ring lacks, with their columns."""
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
                log.error("values need key %r, which is missing: %s", key, ", ".join(where))
        except Exception:  # the database is unreachable
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
    with database.transaction(EVERY_PRACTICE, patience=_WHOLE_TABLE) as session:
        counts = _count(session, table).values()
    return sum(count for keys in counts for key, count in keys.items() if key != current)


def _pass(database: Database, table: Table) -> tuple[int, list[str]]:
    """Go through the table once; return the number of changed values, and the unreadable ones."""
    changed, unreadable = 0, list[str]()
    after: Mapping[str, Any] = {}
    while True:
        with database.transaction(EVERY_PRACTICE, patience=_WHOLE_TABLE) as session:
            rows = _batch(session, table, after)
            written = []
            for row in rows:
                row_changed = _re_encrypt_row(table, row, unreadable)
                changed += len(row_changed)
                if row_changed:
                    written.append({**row, **row_changed})
            if written:
                _write(session, table, written)
        if len(rows) < BATCH:
            return changed, unreadable
        after = rows[-1]


def _batch(session: Session, table: Table, after: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the next rows with values under other keys, locked against changes."""
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


def _re_encrypt_row(
    table: Table, row: Mapping[str, Any], unreadable: list[str]
) -> dict[str, bytes]:
    """Return the row's values that were under other keys, encrypted under the current key.

    Adds a description of each value that cannot be read to `unreadable`.
    """
    ring, key = encryption.ring(), [row[part] for part in table.key]
    changed: dict[str, bytes] = {}
    for column in table.columns:
        stored, location = bytes(row[column] or b""), table.location(column, key)
        if not stored or ring.is_current(stored):
            continue
        try:
            changed[column] = ring.seal(ring.open(stored, location), location)
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
