"""Results of scheduled checks; what retention looks for."""

from alembic import op

from common.db.migrations import create_checks_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    create_checks_table(op)
    op.execute("CREATE INDEX ix_notices_created_at ON notices (created_at)")
    op.execute(
        "CREATE INDEX ix_development_messages_created_at ON development_messages (created_at)"
    )
