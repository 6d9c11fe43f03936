"""The countries of practices that 0004 did not see, since it ran without a practice."""

from alembic import op
from sqlalchemy import text

from common import zones

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    connection = op.get_bind()
    query = text("SELECT DISTINCT timezone FROM practices WHERE country = ''")
    for zone in connection.scalars(query).all():
        connection.execute(
            text("UPDATE practices SET country = :country WHERE timezone = :zone AND country = ''"),
            {"country": zones.country_of(zone), "zone": zone},
        )
