"""Notices, the development mailbox, and the tables of events."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op)
    op.execute(
        """
        CREATE TABLE notices (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            booking_id uuid NOT NULL,
            kind text NOT NULL,
            recipient text NOT NULL CHECK (recipient IN ('client', 'provider')),
            version bigint NOT NULL,
            state text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'sent', 'failed', 'superseded')),
            attempts integer NOT NULL DEFAULT 0,
            error text NOT NULL DEFAULT '',
            trace text NOT NULL DEFAULT '',
            created_at timestamptz NOT NULL,
            queued_at timestamptz NOT NULL,
            sent_at timestamptz,
            CONSTRAINT uq_notices_booking_id_kind_recipient_version
                UNIQUE (booking_id, kind, recipient, version)
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_notices_failed ON notices (practice_id, created_at DESC, id)"
        " WHERE state = 'failed'"
    )
    op.execute(
        """
        CREATE TABLE development_messages (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            sequence bigint GENERATED ALWAYS AS IDENTITY,
            message_id text NOT NULL UNIQUE,
            to_index bytea NOT NULL,
            source_sealed bytea,
            created_at timestamptz NOT NULL
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_development_messages_to_index ON development_messages (to_index, sequence)"
    )
    protect(op, "notices", "development_messages")
