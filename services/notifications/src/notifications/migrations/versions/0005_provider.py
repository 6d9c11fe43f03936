"""Notices know their provider, who may see how they stand.

Notices of earlier versions have none: only owners and managers see those.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE notices ADD COLUMN provider_id uuid")
