"""Results of scheduled checks."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_checks_table(op)
