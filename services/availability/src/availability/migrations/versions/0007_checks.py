"""Results of scheduled checks."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_checks_table(op)
