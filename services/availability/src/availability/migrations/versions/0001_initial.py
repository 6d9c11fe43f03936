"""Practices, providers and their set-up; the projection of taken time; the tables of events."""

from alembic import op

from common.db.migrations import create_event_tables, protect

revision = "0001"
down_revision = None

_TABLES = """
CREATE SEQUENCE resource_numbers;

CREATE TABLE practices (
    practice_id uuid PRIMARY KEY,
    name text NOT NULL,
    timezone text NOT NULL,
    currency_code text NOT NULL CONSTRAINT ck_practices_currency_code
        CHECK (currency_code ~ '^[A-Z]{3}$'),
    address text NOT NULL,
    policies jsonb NOT NULL,
    policies_version bigint NOT NULL,
    changes bigint NOT NULL,
    setup_version bigint NOT NULL
);

CREATE TABLE providers (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL REFERENCES practices,
    number bigint NOT NULL DEFAULT nextval('resource_numbers'),
    username text NOT NULL,
    display_name text NOT NULL,
    timezone text NOT NULL,
    email_sealed bytea,
    policies jsonb NOT NULL,
    policies_version bigint NOT NULL,
    blocks jsonb NOT NULL,
    hours_version bigint NOT NULL,
    setup_version bigint NOT NULL,
    CONSTRAINT uq_providers_number UNIQUE (number),
    CONSTRAINT uq_providers_username UNIQUE (username)
);
CREATE INDEX ix_providers_practice_id ON providers (practice_id, username);

CREATE TABLE physical_rooms (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL REFERENCES practices,
    number bigint NOT NULL DEFAULT nextval('resource_numbers'),
    name text NOT NULL,
    address text NOT NULL,
    CONSTRAINT uq_physical_rooms_number UNIQUE (number)
);
CREATE INDEX ix_physical_rooms_practice_id ON physical_rooms (practice_id, name);

CREATE TABLE overrides (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL REFERENCES practices,
    provider_id uuid NOT NULL REFERENCES providers,
    date date NOT NULL,
    blocks jsonb NOT NULL,
    CONSTRAINT uq_overrides_provider_id UNIQUE (provider_id, date)
);

CREATE TABLE service_types (
    id uuid PRIMARY KEY,
    practice_id uuid NOT NULL REFERENCES practices,
    slug text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    duration_minutes integer NOT NULL,
    modes text[] NOT NULL,
    step_minutes integer NOT NULL,
    buffer_before_minutes integer NOT NULL,
    buffer_after_minutes integer NOT NULL,
    code text NOT NULL,
    active boolean NOT NULL,
    online boolean NOT NULL,
    telehealth_enabled boolean NOT NULL,
    price bigint NOT NULL,
    no_show_fee jsonb,
    late_cancellation_fee jsonb,
    version bigint NOT NULL,
    deleted boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX uq_service_types_practice_id ON service_types (practice_id, slug)
    WHERE NOT deleted;

CREATE TABLE taken (
    resource_number bigint NOT NULL,
    ref text NOT NULL,
    practice_id uuid NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    session_start_at timestamptz NOT NULL,
    session_end_at timestamptz NOT NULL,
    kind integer NOT NULL,
    PRIMARY KEY (resource_number, ref)
);
CREATE INDEX ix_taken_resource_number ON taken (resource_number, end_at);

CREATE TABLE taken_revisions (
    resource_number bigint PRIMARY KEY,
    practice_id uuid NOT NULL,
    revision bigint NOT NULL
);
"""


def upgrade() -> None:
    create_event_tables(op)
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    protect(
        op,
        *("practices", "providers", "physical_rooms", "overrides", "service_types"),
        *("taken", "taken_revisions"),
    )
