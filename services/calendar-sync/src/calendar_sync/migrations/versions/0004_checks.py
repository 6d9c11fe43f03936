"""Results of scheduled checks; when each feed was last read."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create_checks_table(op)
    # Feeds of the release before count as read now, also those that it adds during the upgrade.
    op.execute("ALTER TABLE feeds ADD COLUMN read_at timestamptz NOT NULL DEFAULT now()")
    op.execute("CREATE INDEX ix_feeds_read_at ON feeds (read_at)")
