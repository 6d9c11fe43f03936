"""Use cases of feeds: read or replace the token, open the feed by it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from calendar_sync import store
from calendar_sync.store import Feed
from common import audit
from common.errors import NotFound
from common.rpc import access
from common.rpc.access import Reach
from common.rpc.identity import Identity


class ProviderNotFound(NotFound):
    """This provider doesn't exist."""


class FeedNotFound(NotFound):
    """This feed doesn't exist."""


def is_own_feed(actor: Identity, provider_id: UUID) -> bool:
    """Return whether the provider is the actor. Otherwise, the actor manages the whole practice.

    Raises ProviderNotFound for everybody else.
    """
    is_own = actor.provider_id == str(provider_id)
    if not is_own and access.reach(actor, "feeds:manage") is not Reach.PRACTICE:
        raise ProviderNotFound
    return is_own


def read_token(session: Session, feed: Feed) -> str:
    """Return the token of a feed."""
    audit.record(session, "feed.read", feed=feed.id, provider=feed.provider_id)
    return feed.token


def rotate_token(session: Session, feed: Feed) -> str:
    """Replace the token of a feed and return the new one. The old token stops working."""
    token = store.rotate(session, feed.id)
    audit.record(session, "feed.rotate", feed=feed.id, provider=feed.provider_id)
    return token


def open_feed(session: Session, token: str, now: datetime) -> Feed:
    """Return the feed that a token opens, for its bookings to be shown. Raises FeedNotFound."""
    feed = store.find(session, token)
    if feed is None:
        raise FeedNotFound
    store.note_read(session, feed, now)
    audit.record(
        session,
        "feed.export",
        practice_id=feed.practice_id,
        feed=feed.id,
        provider=feed.provider_id,
    )
    return feed
