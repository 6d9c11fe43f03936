"""Results of scheduled checks; bookings by their end, of all practices."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    create_checks_table(op)
    op.execute("CREATE INDEX ix_bookings_end_at_id ON bookings (end_at, id)")
