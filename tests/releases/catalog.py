"""What a database's schema promises, from PostgreSQL's catalog, and how two schemas differ."""

from dataclasses import dataclass

import psycopg

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND a.attnum > 0 AND NOT a.attisdropped
"""
# What restricts the rows of a table. Constraints have unique indexes of the same name.
_RULES = """
SELECT c.relname, 'constraint ' || r.conname, pg_get_constraintdef(r.oid),
       ARRAY(SELECT attname::text FROM pg_attribute
              WHERE attrelid = c.oid AND attnum = ANY (r.conkey))
  FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid
 WHERE c.relnamespace = 'public'::regnamespace AND r.contype <> 'n'
UNION ALL
SELECT c.relname, 'unique index ' || x.relname, pg_get_indexdef(x.oid),
       ARRAY(SELECT attname::text FROM pg_attribute
              WHERE attrelid = c.oid AND attnum = ANY (i.indkey))
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
 WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.oid)
UNION ALL
SELECT c.relname, 'trigger ' || t.tgname,
       pg_get_triggerdef(t.oid) || pg_get_functiondef(t.tgfoid), '{}'
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT tablename, 'policy ' || policyname,
       concat_ws(' ', permissive, roles, cmd, qual, with_check), '{}'
  FROM pg_policies WHERE schemaname = 'public'
"""


@dataclass(frozen=True)
class Column:
    """The type of a column, and whether an insert must give a value."""

    kind: str
    required: bool


@dataclass(frozen=True)
class Rule:
    """A constraint, unique index, trigger, or policy of a table. `columns` is empty if the rule
    may concern all of them."""

    definition: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Schema:
    """The columns and rules of all tables, by table and name."""

    columns: dict[tuple[str, str], Column]
    rules: dict[tuple[str, str], Rule]

    @classmethod
    def read(cls, url: str) -> "Schema":
        """Return the schema of the database at a URL."""
        with psycopg.connect(url) as connection:
            return cls.of(connection)

    @classmethod
    def of(cls, connection: psycopg.Connection) -> "Schema":
        """Return the schema of a database, as a connection sees it."""
        columns = connection.execute(_COLUMNS).fetchall()
        rules = connection.execute(_RULES).fetchall()
        return cls(
            {(table, name): Column(kind, required) for table, name, kind, required in columns},
            {(table, name): Rule(text, frozenset(of)) for table, name, text, of in rules},
        )

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table for table, _ in self.columns)


def contractions(before: Schema, after: Schema) -> list[str]:
    """Return what code that knows only the schema `before` misses or must not do in `after`.

    New tables, new columns that need no value, and rules about new columns alone are expansions.
    """
    gone = before.tables - after.tables
    found = [f"table {table} is gone" for table in gone]
    for (table, name), column in before.columns.items():
        now = after.columns.get((table, name))
        if table in gone:
            continue
        if now is None:
            found.append(f"column {table}.{name} is gone")
        elif now.kind != column.kind:
            found.append(f"column {table}.{name} was {column.kind}, is {now.kind}")
        elif now.required and not column.required:
            found.append(f"column {table}.{name} has lost its default")
    for (table, name), column in after.columns.items():
        if table in before.tables and (table, name) not in before.columns and column.required:
            found.append(f"column {table}.{name} is new and needs a value")
    return sorted([*found, *_stricter(before, after)])


def _stricter(before: Schema, after: Schema) -> list[str]:
    found = []
    for (table, name), rule in before.rules.items():
        now = after.rules.get((table, name))
        if table in after.tables and (now is None or now.definition != rule.definition):
            found.append(f"{name} of {table} is {'gone' if now is None else 'another one'}")
    for (table, name), rule in after.rules.items():
        if table not in before.tables or (table, name) in before.rules:
            continue
        known = {column for of, column in before.columns if of == table}
        if not rule.columns or rule.columns & known:
            found.append(f"{name} of {table} is new")
    return found
