"""A practice's country, and how people reach it."""

from alembic import op
from sqlalchemy import text

from common import zones

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in ("country", "phone", "email", "website"):
        op.execute(f"ALTER TABLE practices ADD COLUMN {column} text NOT NULL DEFAULT ''")
    connection = op.get_bind()
    for zone in connection.scalars(text("SELECT DISTINCT timezone FROM practices")).all():
        connection.execute(
            text("UPDATE practices SET country = :country WHERE timezone = :zone"),
            {"country": zones.country_of(zone), "zone": zone},
        )
