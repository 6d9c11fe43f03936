"""Leases on due jobs."""

from alembic import op

from common.db.migrations import lease_jobs

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    lease_jobs(op)
