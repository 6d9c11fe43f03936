"""Providers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from availability.store.tables import Provider
from common import validation
from common.db.cursor import Keyset, Page
from common.errors import NotFound
from common.rpc import access
from common.rpc.access import Reach
from common.rpc.identity import Identity

_BY_USERNAME = Keyset("providers", Provider.username)


class ProviderNotFound(NotFound):
    """This provider doesn't exist."""


def get(session: Session, provider_id: UUID) -> Provider:
    """Return the provider with that id. Raises ProviderNotFound."""
    found = session.get(Provider, provider_id)
    if found is None:
        raise ProviderNotFound
    return found


def by_username(session: Session, username: str) -> Provider:
    """Return the provider with that username. Raises ProviderNotFound."""
    # Text that cannot be a username may hold characters that no column can.
    wanted = select(Provider).where(Provider.username == username)
    found = session.scalar(wanted) if validation.is_slug(username) else None
    if found is None:
        raise ProviderNotFound(field="username")
    return found


def page(session: Session, actor: Identity, token: str, size: int) -> Page[Provider]:
    """Return the page after `token` of the providers that the actor may read, by username."""
    readable = access.rows("providers:read", actor, practice=Provider.practice_id)
    return _BY_USERNAME.page(session, select(Provider).where(*readable), token, size)


def covers(actor: Identity, permission: str, provider: Provider) -> bool:
    """Return whether the actor's permission extends to a provider of the actor's practice."""
    how_far = access.reach(actor, permission)
    is_own = how_far is Reach.OWN and actor.provider_id == str(provider.id)
    return is_own or how_far is Reach.PRACTICE


def add(session: Session, provider: Provider) -> bool:
    """Insert a provider; return False if a provider of any practice has the username."""
    columns = [column.key for column in Provider.__table__.columns if column.key != "number"]
    statement = insert(Provider).values({key: getattr(provider, key) for key in columns})
    added = statement.on_conflict_do_nothing(index_elements=[Provider.username])
    return session.scalar(added.returning(Provider.id)) is not None
