"""Bookings with practices that exist only to test this Attune."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE bookings ADD COLUMN synthetic boolean NOT NULL DEFAULT false")
