"""The newest version of each booking that billing has judged."""

from alembic import op

from common.db.migrations import protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Earlier releases told the payment status of each booking once, as version 1.
    op.execute(
        """
        CREATE TABLE sessions (
            booking_id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            booking_version bigint NOT NULL,
            payment_version bigint NOT NULL DEFAULT 2
        )
        """
    )
    protect(op, "sessions")
