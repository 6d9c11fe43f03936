"""Private feeds."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op)
    op.execute(
        """
        CREATE TABLE feeds (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            provider_id uuid NOT NULL UNIQUE,
            token_sealed bytea NOT NULL,
            token_index bytea NOT NULL UNIQUE
        )
        """
    )
    protect(op, "feeds")
