"""Table and queries: feeds, found by the blind index of their token."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.db import encryption
from common.db.encryption import encrypted

_BITS = 256
_READ_EVERY = timedelta(days=1)  # how often a feed that is read all the time notes it


class Base(DeclarativeBase):
    """The tables of this service."""


class Feed(Base):
    """The private feed of one provider."""

    __tablename__ = "feeds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    token_sealed: Mapped[bytes]
    token = encrypted()
    token_index: Mapped[bytes]
    # When it was read last, to the day, or created. Feeds that nobody reads are removed.
    read_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def feed_of(session: Session, provider_id: UUID) -> Feed | None:
    """Return the feed of a provider, if it has been created."""
    return session.scalar(select(Feed).where(Feed.provider_id == provider_id))


def add(session: Session, practice_id: UUID, provider_id: UUID, now: datetime) -> Feed:
    """Create the feed of a provider and return it, or the one that a concurrent call created."""
    feed = Feed(id=ids.new(), practice_id=practice_id, provider_id=provider_id, read_at=now)
    give_token(feed)
    columns = {c.name: getattr(feed, c.name) for c in Feed.__table__.columns}
    session.execute(
        insert(Feed).values(columns).on_conflict_do_nothing(index_elements=[Feed.provider_id])
    )
    return session.scalars(select(Feed).where(Feed.provider_id == provider_id)).one()


def rotate(session: Session, feed_id: UUID) -> str:
    """Give a feed a new token, and return it."""
    feed = session.get_one(Feed, feed_id, with_for_update=True)
    give_token(feed)
    return feed.token


def give_token(feed: Feed) -> None:
    """Give a feed a new token of 256 random bits."""
    token = secrets.token_urlsafe(_BITS // 8)
    feed.token = token
    feed.token_index = _index(token)


def note_read(session: Session, feed: Feed, now: datetime) -> None:
    """Note that a feed was read."""
    stale = (Feed.id == feed.id, Feed.read_at < now - _READ_EVERY)
    session.execute(update(Feed).where(*stale).values(read_at=now))


def find(session: Session, token: str) -> Feed | None:
    """Return the feed that a token opens.

    Every token takes the same single look-up by its blind index.
    """
    return session.scalar(select(Feed).where(Feed.token_index == _index(token)))


def _index(token: str) -> bytes:
    return encryption.ring().index(token, "feeds.token")
