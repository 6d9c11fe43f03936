"""Resources and what is taken of them; clients, bookings, holds; the tables of events."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE resources (
    number bigint PRIMARY KEY,
    practice_id uuid NOT NULL,
    resource_id uuid NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE occupancy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    practice_id uuid NOT NULL,
    resource bigint NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    during tstzrange NOT NULL GENERATED ALWAYS AS (tstzrange(start_at, end_at)) STORED,
    session_start timestamptz NOT NULL,
    session_end timestamptz NOT NULL,
    kind text NOT NULL,
    ref uuid NOT NULL,
    expires_at timestamptz,
    CONSTRAINT ck_occupancy_end_at CHECK (start_at < end_at),
    CONSTRAINT ex_occupancy_resource_during EXCLUDE USING gist (
        int8range(resource, resource, '[]') WITH &&,
        during WITH &&
    )
);
CREATE INDEX ix_occupancy_ref ON occupancy (ref);
-- Row-level security hides the constraint's index from queries: && is not leakproof.
CREATE INDEX ix_occupancy_resource_end_at ON occupancy (resource, end_at);

CREATE TABLE holds (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    visitor_index bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT uq_holds_provider_id_visitor_index UNIQUE (provider_id, visitor_index)
);

CREATE TABLE clients (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL,
    name_sealed bytea NOT NULL,
    email_sealed bytea NOT NULL,
    phone_sealed bytea,
    email_index bytea NOT NULL,
    timezone text NOT NULL,
    status text NOT NULL,
    billing_type text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT uq_clients_email_index_practice_id UNIQUE (email_index, practice_id)
);
CREATE INDEX ix_clients_practice_id_created_at_id ON clients (practice_id, created_at, id);

CREATE TABLE bookings (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    username text NOT NULL,
    client_id uuid NOT NULL REFERENCES clients (id),
    typed_name_sealed bytea NOT NULL,
    client_timezone text NOT NULL,
    status text NOT NULL,
    mode text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    local_start timestamp NOT NULL,
    timezone text NOT NULL,
    address text NOT NULL,
    note_sealed bytea,
    reason_text_sealed bytea,
    client_cancellation text NOT NULL,
    late_cancellation_minutes integer NOT NULL,
    cancellation_requested boolean NOT NULL,
    cancelled_by text NOT NULL,
    cancellation_reason text NOT NULL,
    payment_status text NOT NULL,
    payment_version bigint NOT NULL,
    manage_token_sealed bytea NOT NULL,
    manage_token_index bytea NOT NULL,
    revision bigint NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT uq_bookings_manage_token_index UNIQUE (manage_token_index)
);
CREATE INDEX ix_bookings_practice_id_start_at_id ON bookings (practice_id, start_at, id);
CREATE INDEX ix_bookings_provider_id_start_at_id ON bookings (provider_id, start_at, id);
CREATE INDEX ix_bookings_client_id_start_at_id ON bookings (client_id, start_at, id);

CREATE TABLE service_lines (
    booking_id uuid NOT NULL REFERENCES bookings (id),
    position integer NOT NULL,
    practice_id uuid NOT NULL,
    service_type_id uuid NOT NULL,
    slug text NOT NULL,
    title text NOT NULL,
    code text NOT NULL,
    duration_minutes integer NOT NULL,
    currency_code text NOT NULL,
    price bigint NOT NULL,
    no_show_fee bigint,
    late_cancellation_fee bigint,
    PRIMARY KEY (booking_id, position)
);

CREATE TABLE booking_changes (
    booking_id uuid NOT NULL REFERENCES bookings (id),
    version bigint NOT NULL,
    practice_id uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_id text NOT NULL,
    change text NOT NULL,
    PRIMARY KEY (booking_id, version)
)
"""


def upgrade() -> None:
    create_event_tables(op)
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    protect(
        op,
        "resources",
        "occupancy",
        "holds",
        "clients",
        "bookings",
        "service_lines",
        "booking_changes",
    )
