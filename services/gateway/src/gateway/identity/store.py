"""Tables of accounts, sessions and attempts to sign in, with their queries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Text, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common.db.encryption import encrypted


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  # SQLAlchemy's form


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    email_sealed: Mapped[bytes]
    email = encrypted()
    email_index: Mapped[bytes]
    name_sealed: Mapped[bytes | None]
    name = encrypted()
    password_hash: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    provider_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class AccountSession(Base):
    """One signed-in browser or program of an account."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    token_hash: Mapped[bytes]
    browser_sealed: Mapped[bytes | None]
    browser = encrypted()
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


def add(session: Session, account: Account) -> bool:
    """Add an account; return False if its email has one already."""
    row = {c.key: getattr(account, c.key) for c in Account.__table__.columns}
    made: UUID | None = session.scalar(
        insert(Account)
        .values(row)
        .on_conflict_do_nothing(index_elements=[Account.email_index])
        .returning(Account.id)
    )
    return made is not None


def find(session: Session, email_index: bytes) -> Account | None:
    """Return the account of an email unless it is disabled."""
    return session.scalar(
        select(Account).where(Account.email_index == email_index, Account.disabled_at.is_(None))
    )


def session_with_account(
    session: Session, token_hash: bytes, now: datetime, idle: timedelta
) -> tuple[AccountSession, Account] | None:
    """Return the session of a token with its account; None if either has ended."""
    found = session.execute(
        select(AccountSession, Account)
        .join(Account, Account.id == AccountSession.account_id)
        .where(
            AccountSession.token_hash == token_hash,
            AccountSession.revoked_at.is_(None),
            AccountSession.expires_at > now,
            AccountSession.last_seen_at > now - idle,
            Account.disabled_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        return None
    here, account = found
    return here, account


def sessions(
    session: Session, account_id: UUID, now: datetime, idle: timedelta
) -> Sequence[AccountSession]:
    """Return the sessions of an account that have not ended, the last used first."""
    return session.scalars(
        select(AccountSession)
        .where(
            AccountSession.account_id == account_id,
            AccountSession.revoked_at.is_(None),
            AccountSession.expires_at > now,
            AccountSession.last_seen_at > now - idle,
        )
        .order_by(AccountSession.last_seen_at.desc(), AccountSession.id)
    ).all()


def revoke(session: Session, account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """End a session of an account. Return False if the account has no such session."""
    ended = session.scalar(
        update(AccountSession)
        .where(
            AccountSession.id == session_id,
            AccountSession.account_id == account_id,
            AccountSession.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(AccountSession.id)
    )
    return ended is not None


ATTEMPTS_KEPT = timedelta(hours=12)
_LONGEST_BLOCK = 900  # seconds

# A block that ends after `latest` was made by a clock that ran ahead, and is void.
_ATTEMPT = text(
    """
    INSERT INTO sign_in_attempts AS a (key, count, counted_at, blocked_until)
    VALUES (:key, 1, :now, :now)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN a.counted_at < :forgiven THEN 1 ELSE a.count + 1 END,
        counted_at = :now,
        blocked_until = CASE
            WHEN a.counted_at >= :forgiven AND a.count + 1 >= :failures THEN
                CAST(:now AS timestamptz) + make_interval(secs =>
                    least(power(2, least(a.count + 1 - :failures, 16)), :longest))
            ELSE CAST(:now AS timestamptz) END
    WHERE a.blocked_until <= :now OR a.blocked_until > :latest
    RETURNING count
    """
)

# A block that other failures have caused stays.
_TAKE_BACK = text(
    """
    UPDATE sign_in_attempts SET
        count = count - 1,
        blocked_until = CASE WHEN count <= :failures THEN :now ELSE blocked_until END
    WHERE key = :key
    """
)


class Counter(NamedTuple):
    """The key under which attempts are counted, and the number of failures that blocks it."""

    key: bytes
    failures: int


def count_attempt(session: Session, counter: Counter, now: datetime) -> datetime | None:
    """Count an attempt to sign in, or return until when the key is blocked.

    Attempts are counted before the password is checked, so that many attempts at the same time
    cannot exceed the limit. A blocked attempt is not counter.
    """
    done = session.scalar(
        _ATTEMPT,
        {
            "key": counter.key,
            "now": now,
            "forgiven": now - ATTEMPTS_KEPT,
            "failures": counter.failures,
            "longest": _LONGEST_BLOCK,
            "latest": now + 2 * timedelta(seconds=_LONGEST_BLOCK),
        },
    )
    if done is not None:
        return None
    until: datetime | None = session.scalar(
        text("SELECT blocked_until FROM sign_in_attempts WHERE key = :key"), {"key": counter.key}
    )
    return until


def forgive_attempt(session: Session, own: Counter, shared: Counter | None, now: datetime) -> None:
    """Reset the attempts of `own` after a successful sign-in, and take this attempt back from
    `shared`, which other accounts use too."""
    session.execute(text("DELETE FROM sign_in_attempts WHERE key = :key"), {"key": own.key})
    if shared is not None:
        session.execute(_TAKE_BACK, {"key": shared.key, "failures": shared.failures, "now": now})
