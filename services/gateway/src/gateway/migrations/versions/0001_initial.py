"""Accounts, their sessions, attempts to sign in, rate limits."""

from alembic import op

from common.db.migrations import protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in (
        """
        CREATE TABLE accounts (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            email_sealed bytea NOT NULL,
            email_index bytea NOT NULL CONSTRAINT uq_accounts_email_index UNIQUE,
            name_sealed bytea,
            password_hash text NOT NULL,
            roles text[] NOT NULL,
            provider_id uuid,
            created_at timestamptz NOT NULL,
            disabled_at timestamptz
        )
        """,
        """
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            practice_id uuid NOT NULL,
            account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            token_hash bytea NOT NULL CONSTRAINT uq_sessions_token_hash UNIQUE,
            browser_sealed bytea,
            created_at timestamptz NOT NULL,
            last_seen_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz
        )
        """,
        "CREATE INDEX ix_sessions_account_id ON sessions (account_id)",
        "CREATE INDEX ix_sessions_expires_at ON sessions (expires_at)",
        # Keys are blind indexes of accounts and addresses: nobody's data.
        """
        CREATE TABLE sign_in_attempts (
            key bytea PRIMARY KEY,
            count integer NOT NULL,
            counted_at timestamptz NOT NULL,
            blocked_until timestamptz NOT NULL
        )
        """,
        "CREATE INDEX ix_sign_in_attempts_counted_at ON sign_in_attempts (counted_at)",
        # Lost in a crash, which then costs nobody anything; in return no write waits for a disk.
        """
        CREATE UNLOGGED TABLE rate_limits (
            key bytea PRIMARY KEY,
            count integer NOT NULL,
            ends_at timestamptz NOT NULL
        )
        """,
        "CREATE INDEX ix_rate_limits_ends_at ON rate_limits (ends_at)",
    ):
        op.execute(statement)
    protect(op, "accounts", "sessions")
