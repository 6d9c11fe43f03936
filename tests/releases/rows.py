"""A row in every table of a database, whatever its schema."""

import psycopg
from psycopg import sql

from tests.releases.catalog import Schema

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
   AND c.relname NOT IN ('alembic_version', 'audit_head')
 ORDER BY c.relname, a.attnum
"""
# Values that pass the checks of columns with these names.
_BY_NAME = {
    "currency": "'USD'",
    "currency_code": "'USD'",
    "timezone": "'America/New_York'",
    "recipient": "'client'",
    "revoked_at": "NULL",
    "side": "'client'",
    "state": "'queued'",
    "end_at": "now() + interval '1 hour'",
}
_BY_TYPE = {
    "uuid": "gen_random_uuid()",
    "text": "'some text'",
    "bytea": "'some bytes'",
    "jsonb": "'[]'",
    "boolean": "false",
    "smallint": "1",
    "integer": "1",
    "bigint": "1",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "timestamp without time zone": "now()",
    "text[]": "'{}'",
    "xid8": "pg_current_xact_id()",
}

Rows = dict[str, list[tuple[object, ...]]]


def fill(superuser_url: str) -> None:
    """Insert a row into every table, with values in all columns. References lead nowhere."""
    tables: dict[str, dict[str, str]] = {}
    with psycopg.connect(superuser_url) as database:
        database.execute("SET session_replication_role = replica")  # foreign keys do not count
        for table, column, kind in database.execute(_COLUMNS).fetchall():
            value = _BY_NAME.get(column, "") if kind != "uuid" else ""
            tables.setdefault(table, {})[column] = value or _BY_TYPE[kind]
        for table, values in tables.items():
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.SQL, values.values())),
            )
            database.execute(statement)


def read(superuser_url: str, schema: Schema) -> Rows:
    """Return the content of the columns of a schema, by table."""
    found: Rows = {}
    with psycopg.connect(superuser_url) as database:
        for table in sorted(schema.tables - {"alembic_version"}):
            columns = sorted(column for of, column in schema.columns if of == table)
            query = sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
            )
            found[table] = database.execute(query).fetchall()
    return found
