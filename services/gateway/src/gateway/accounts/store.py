"""Tables of accounts, sessions and attempts to sign in, with their queries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Text, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common.db import database
from common.db.encryption import encrypted

_FORGET_SESSIONS = timedelta(days=30)


class Base(DeclarativeBase):
    metadata = database.metadata()
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


class SignedIn(Base):
    """One place where an account is signed in."""

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


def add(session: Session, account: Account) -> UUID:
    """Add an account, unless its e-mail has one; the id of whichever is there."""
    row = {c.key: getattr(account, c.key) for c in Account.__table__.columns}
    made: UUID | None = session.scalar(
        insert(Account)
        .values(row)
        .on_conflict_do_nothing(index_elements=[Account.email_index])
        .returning(Account.id)
    )
    if made is not None:
        return made
    return session.scalars(
        select(Account.id).where(Account.email_index == account.email_index)
    ).one()


def find(session: Session, email_index: bytes) -> Account | None:
    """The account of an e-mail that may sign in."""
    return session.scalar(
        select(Account).where(Account.email_index == email_index, Account.disabled_at.is_(None))
    )


def signed_in(
    session: Session, token_hash: bytes, now: datetime, idle: timedelta
) -> tuple[SignedIn, Account] | None:
    """The living session of a token, with its account."""
    found = session.execute(
        select(SignedIn, Account)
        .join(Account, Account.id == SignedIn.account_id)
        .where(
            SignedIn.token_hash == token_hash,
            SignedIn.revoked_at.is_(None),
            SignedIn.expires_at > now,
            SignedIn.last_seen_at > now - idle,
            Account.disabled_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        return None
    here, account = found
    return here, account


def sessions(
    session: Session, account_id: UUID, now: datetime, idle: timedelta
) -> Sequence[SignedIn]:
    """Where an account is signed in, the last used first."""
    return session.scalars(
        select(SignedIn)
        .where(
            SignedIn.account_id == account_id,
            SignedIn.revoked_at.is_(None),
            SignedIn.expires_at > now,
            SignedIn.last_seen_at > now - idle,
        )
        .order_by(SignedIn.last_seen_at.desc(), SignedIn.id)
    ).all()


def revoke(session: Session, account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """End a session of an account; False if it has no such one."""
    ended = session.scalar(
        update(SignedIn)
        .where(
            SignedIn.id == session_id,
            SignedIn.account_id == account_id,
            SignedIn.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(SignedIn.id)
    )
    return ended is not None


def forget(session: Session, now: datetime) -> None:
    """Drop sessions and attempts that no longer matter."""
    session.execute(delete(SignedIn).where(SignedIn.expires_at < now - _FORGET_SESSIONS))
    session.execute(
        text("DELETE FROM sign_in_attempts WHERE counted_at < :then"),
        {"then": now - 2 * FORGIVE_ATTEMPTS},
    )


FORGIVE_ATTEMPTS = timedelta(hours=12)
_LONGEST_BLOCK = 900  # seconds

# No block reaches beyond `latest`, unless it was made by a clock that was ahead: it is void.
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

# A block that others' failures have earned stays.
_TAKE_BACK = text(
    """
    UPDATE sign_in_attempts SET
        count = count - 1,
        blocked_until = CASE WHEN count <= :failures THEN :now ELSE blocked_until END
    WHERE key = :key
    """
)


class Attempts(NamedTuple):
    """What is counted under one key, and how many failures block it."""

    key: bytes
    failures: int


def attempt(session: Session, counted: Attempts, now: datetime) -> datetime | None:
    """Count an attempt before it is judged, so that many at once are not judged for free. Returns
    until when the key is blocked, if it is; then nothing is counted."""
    done = session.scalar(
        _ATTEMPT,
        {
            "key": counted.key,
            "now": now,
            "forgiven": now - FORGIVE_ATTEMPTS,
            "failures": counted.failures,
            "longest": _LONGEST_BLOCK,
            "latest": now + 2 * timedelta(seconds=_LONGEST_BLOCK),
        },
    )
    if done is not None:
        return None
    until: datetime | None = session.scalar(
        text("SELECT blocked_until FROM sign_in_attempts WHERE key = :key"), {"key": counted.key}
    )
    return until


def succeed(session: Session, own: Attempts, shared: Attempts | None, now: datetime) -> None:
    """An attempt was right: forget the failures of its own key, and take this one back from the
    key that it shares with other accounts."""
    session.execute(text("DELETE FROM sign_in_attempts WHERE key = :key"), {"key": own.key})
    if shared is not None:
        session.execute(_TAKE_BACK, {"key": shared.key, "failures": shared.failures, "now": now})
