"""Each notice says when it is tried next, since the notices of a booking are one job."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE notices ADD COLUMN next_attempt_at timestamptz")
