"""Results of scheduled checks; rooms by their end."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create_checks_table(op)
    op.execute("CREATE INDEX ix_rooms_end_at ON rooms (end_at)")
