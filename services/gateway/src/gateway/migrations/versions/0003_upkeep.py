"""Due jobs, and results of scheduled checks."""

from alembic import op

from common.db.migrations import create_checks_table, create_due_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_due_table(op)
    create_checks_table(op)
