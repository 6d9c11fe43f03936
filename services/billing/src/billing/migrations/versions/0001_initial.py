"""Billables and the ledger, whose rules the database keeps by itself (spec BL-1)."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op)
    op.execute(
        """
        CREATE TABLE billables (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            client_id uuid NOT NULL,
            provider_id uuid NOT NULL,
            kind text NOT NULL,
            amount bigint NOT NULL CHECK (amount > 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            service_at timestamptz NOT NULL,
            UNIQUE (booking_id, kind)
        );
        CREATE INDEX ix_billables_newest ON billables (practice_id, service_at, id);
        CREATE INDEX ix_billables_client ON billables (client_id, service_at, id);
        CREATE INDEX ix_billables_provider ON billables (provider_id, service_at, id)
        """
    )
    op.execute(
        """
        CREATE TABLE entries (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            kind text NOT NULL,
            booking_id uuid NOT NULL,
            reverses uuid UNIQUE,
            occurred_at timestamptz NOT NULL,
            -- Postings can join only in the transaction that made the entry.
            made_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
            UNIQUE (id, practice_id),
            FOREIGN KEY (reverses, practice_id) REFERENCES entries (id, practice_id)
        );
        CREATE INDEX ix_entries_booking_id ON entries (booking_id);
        CREATE TABLE postings (
            entry_id uuid NOT NULL,
            line integer NOT NULL,
            practice_id uuid NOT NULL,
            account text NOT NULL,
            client_id uuid,
            amount bigint NOT NULL CHECK (amount <> 0),
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            PRIMARY KEY (entry_id, line),
            FOREIGN KEY (entry_id, practice_id) REFERENCES entries (id, practice_id)
        );
        CREATE INDEX ix_postings_account ON postings (practice_id, account, client_id)
        """
    )
    protect(op, "billables", "entries", "postings")
    _keep_balanced()
    _keep_append_only()


def _keep_balanced() -> None:
    """An entry is complete and balanced when its transaction commits, and stays as it is. Where
    row-level security hides an entry from the checks, they fail."""
    op.execute(
        """
        CREATE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            entry uuid NOT NULL := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
        BEGIN
            IF NOT EXISTS (SELECT FROM postings WHERE entry_id = entry) OR EXISTS (
                SELECT FROM postings WHERE entry_id = entry
                GROUP BY currency HAVING sum(amount) <> 0
            ) THEN
                RAISE EXCEPTION 'ledger entry % is not balanced', entry
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for table, column in (("entries", "id"), ("postings", "entry_id")):
        op.execute(
            f"""
            CREATE CONSTRAINT TRIGGER {table}_balanced AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION check_balance('{column}')
            """
        )
    op.execute(
        """
        CREATE FUNCTION check_entry_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM entries WHERE id = NEW.entry_id AND made_in = pg_current_xact_id()
            ) THEN
                RAISE EXCEPTION 'ledger entry % is complete', NEW.entry_id
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER postings_of_new_entries BEFORE INSERT ON postings
        FOR EACH ROW EXECUTE FUNCTION check_entry_is_new()
        """
    )


def _keep_append_only() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the ledger is append-only: no % of %', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in ("entries", "postings"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """
        )
