"""Rooms and the links into them."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op)
    op.execute(
        """
        CREATE TABLE rooms (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            booking_id uuid NOT NULL UNIQUE,
            provider_id uuid NOT NULL,
            client_id uuid NOT NULL,
            start_at timestamptz NOT NULL,
            end_at timestamptz NOT NULL,
            closed_at timestamptz,
            booking_version bigint NOT NULL,
            UNIQUE (id, practice_id)
        );
        CREATE TABLE links (
            id uuid PRIMARY KEY,
            room_id uuid NOT NULL,
            practice_id uuid NOT NULL,
            side text NOT NULL CHECK (side IN ('provider', 'client')),
            token_sealed bytea,
            token_index bytea NOT NULL UNIQUE,
            revoked_at timestamptz,
            CHECK ((token_sealed IS NULL) = (revoked_at IS NOT NULL)),
            FOREIGN KEY (room_id, practice_id) REFERENCES rooms (id, practice_id)
        );
        CREATE UNIQUE INDEX uq_links_room_id_side ON links (room_id, side)
            WHERE revoked_at IS NULL
        """
    )
    protect(op, "rooms", "links")
