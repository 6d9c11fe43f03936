"""What was typed for each booking, and which key a client's email index was computed from."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE bookings ADD COLUMN typed_email_sealed bytea")
    op.execute("ALTER TABLE bookings ADD COLUMN typed_phone_sealed bytea")
    op.execute("ALTER TABLE bookings ADD COLUMN client_locale text NOT NULL DEFAULT ''")
    # Rows of the release before have version 1, also those that it adds during the upgrade.
    op.execute("ALTER TABLE clients ADD COLUMN email_index_version smallint NOT NULL DEFAULT 1")
    op.execute(
        "CREATE INDEX ix_clients_email_index_version ON clients (id) WHERE email_index_version = 1"
    )
