"""Schema migrations: Alembic scripts in each service's package, run under a lock.

The schema owner's role runs migrations; the service's own role may only read and write rows.
"""

import importlib.resources
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, pool, text

from common.db.schema import newest

_LOCK = 0x0A77_00DB

_EVENT_TABLES = """
CREATE TABLE outbox (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL,
    headers text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE inbox (
    message_id text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_inbox_received_at ON inbox (received_at);
CREATE TABLE due (
    kind text NOT NULL,
    key text NOT NULL,
    practice_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, key)
);
CREATE INDEX ix_due_due_at ON due (due_at);
CREATE TABLE idempotency (
    scope text NOT NULL,
    request_id text NOT NULL,
    fingerprint bytea NOT NULL,
    response bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, request_id)
);
CREATE INDEX ix_idempotency_created_at ON idempotency (created_at);
"""


def create_event_tables(op: Any) -> None:
    """Create outbox, inbox, due, and idempotency, in a service's first migration."""
    for statement in _EVENT_TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def lease_jobs(op: Any) -> None:
    """Add leases and plan numbers to due jobs (`common.jobs`)."""
    op.execute(
        "ALTER TABLE due ADD COLUMN plan integer NOT NULL DEFAULT 0,"
        " ADD COLUMN leased_until timestamptz"
    )


def create_checks_table(op: Any) -> None:
    """Create the results of scheduled checks (`common.upkeep.checks`)."""
    op.execute(
        """
        CREATE TABLE checks (
            name text PRIMARY KEY,
            checked_at timestamptz NOT NULL,
            found bigint NOT NULL
        )
        """
    )


def create_due_table(op: Any) -> None:
    """Create the table of due jobs alone, in a service without events."""
    (statement,) = (s for s in _EVENT_TABLES.split(";\n") if "CREATE TABLE due " in s)
    op.execute(statement)
    op.execute("CREATE INDEX ix_due_due_at ON due (due_at)")
    lease_jobs(op)


_AUDIT_TABLES = (
    """
    CREATE TABLE audit (
        id uuid PRIMARY KEY,
        sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        practice_id uuid NOT NULL,
        at timestamptz NOT NULL,
        subject text NOT NULL,
        action text NOT NULL,
        things text[] NOT NULL,
        request text NOT NULL,
        address_sealed bytea,
        mac bytea NOT NULL,
        position bigint CONSTRAINT uq_audit_position UNIQUE,
        hash bytea
    )
    """,
    "CREATE INDEX ix_audit_practice_id_at_id ON audit (practice_id, at, id)",
    "CREATE INDEX ix_audit_waiting ON audit (sequence) WHERE position IS NULL",
    """
    CREATE TABLE audit_head (
        one boolean PRIMARY KEY CHECK (one),
        position bigint NOT NULL,
        hash bytea NOT NULL,
        mac bytea NOT NULL
    )
    """,
    "INSERT INTO audit_head VALUES (true, 0, decode(repeat('00', 32), 'hex'), '')",
    # Only two changes are allowed: an entry gets its position in the chain, once, and its address
    # is encrypted again under a new key.
    """
    CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.position IS NULL THEN
                OLD.position = NEW.position;
                OLD.hash = NEW.hash;
            END IF;
            IF (OLD.address_sealed IS NULL) = (NEW.address_sealed IS NULL) THEN
                OLD.address_sealed = NEW.address_sealed;
            END IF;
            IF OLD IS NOT DISTINCT FROM NEW THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit only grows';
    END $$
    """,
    """
    CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows()
    """,
    """
    CREATE TRIGGER is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()
    """,
)


def create_audit_tables(op: Any) -> None:
    """Create the audit trail and the head of its chain (spec PF-8, `common.audit`)."""
    for statement in _AUDIT_TABLES:
        op.execute(statement)
    protect(op, "audit")


def protect(op: Any, *tables: str) -> None:
    """Add row-level security by `practice_id` (spec GW-13).

    A transaction without a practice sees no rows.
    """
    setting = "current_setting('attune.practice', true)"
    visible = f"({setting} = '*' OR practice_id = NULLIF(NULLIF({setting}, ''), '*')::uuid)"
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY practice ON {table} USING {visible} WITH CHECK {visible}")


def migrate(package: str, owner_url: str, role: str = "") -> str:
    """Migrate a service's database to its newest revision, and return that revision.

    Grants `role` the rights that the service needs. Concurrent runs wait for each other.
    """
    config = _config(package)
    engine = create_engine(_psycopg(owner_url), poolclass=pool.NullPool)
    with engine.connect() as connection:  # closing it releases the lock
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        # Row-level security holds for the owner as well: without a practice, a migration that
        # changes rows would find none.
        connection.execute(text("SELECT set_config('attune.practice', '*', false)"))
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if role:
            _grant(connection, role)
        connection.commit()
    return newest(package)


def _grant(connection: Any, role: str) -> None:
    name = connection.dialect.identifier_preparer.quote(role)
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {name}",
        f"REVOKE UPDATE, DELETE ON audit FROM {name}",
        f"GRANT UPDATE (position, hash, address_sealed) ON audit TO {name}",
        f"REVOKE INSERT, DELETE ON audit_head FROM {name}",
    ):
        connection.execute(text(statement))


def run_env(metadata: MetaData) -> None:
    """Run Alembic's migrations; the body of every service's `migrations/env.py`."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


def _config(package: str) -> Config:
    config = Config()
    location = importlib.resources.files(package) / "migrations"
    config.set_main_option("script_location", str(location))
    return config


def _psycopg(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
