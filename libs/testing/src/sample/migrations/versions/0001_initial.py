"""Notes, and the tables of events."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op)
    op.execute(
        """
        CREATE TABLE notes (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            text_sealed bytea
        )
        """
    )
    protect(op, "notes")
