"""The steps that every change of a practice's set-up shares: lock, permission, event."""

from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from availability.search.cache import Cache
from availability.store import practices, providers
from availability.store.tables import Practice, Provider
from common import ids
from common.db.database import after_commit
from common.errors import Invalid, NotAllowed
from common.messaging.outbox import emit
from common.rpc import access
from common.rpc.access import Reach
from common.rpc.identity import Identity


class PracticeNeeded(Invalid):
    """The practice is missing."""


def practice_of(actor: Identity) -> UUID:
    """Return the id of the practice for which the actor acts. Raises PracticeNeeded."""
    if not actor.practice_id:
        raise PracticeNeeded(field="practice_id")
    return ids.parse(actor.practice_id, "practice_id")


def lock_practice(session: Session, actor: Identity) -> Practice:
    """Return the actor's practice, locked: other changes of its set-up wait."""
    return practices.get(session, practice_of(actor), lock=True)


def require_practice_reach(actor: Identity, permission: str) -> None:
    """Raise NotAllowed unless the actor's permission covers the whole practice."""
    if access.require(permission, actor) is not Reach.PRACTICE:
        raise NotAllowed


def provider_to_change(
    session: Session, actor: Identity, permission: str, username: str
) -> Provider:
    """Return a provider of the practice. Raises ProviderNotFound, and NotAllowed if the actor's
    permission does not extend to this provider."""
    provider = providers.by_username(session, username)
    if not providers.covers(actor, permission, provider):
        raise NotAllowed
    return provider


def provider_changed(
    session: Session, cache: Cache, practice: Practice, provider: Provider
) -> None:
    """Count a change that concerns one provider, and emit ProviderChanged.

    This replica serves the change right after the commit, the others when they get the event.
    """
    practice.changes += 1
    provider.setup_version = practice.changes
    session.flush()
    event = ProviderChanged(
        practice_id=str(practice.practice_id),
        provider_id=str(provider.id),
        version=provider.setup_version,
    )
    emit(session, event)
    after_commit(
        session, partial(cache.setup_changed, event.practice_id, event.version, event.provider_id)
    )


def practice_changed(session: Session, cache: Cache, practice: Practice) -> None:
    """Count a change that concerns all providers of a practice, and emit PracticeChanged.

    This replica serves the change right after the commit, the others when they get the event.
    """
    practice.changes += 1
    practice.setup_version = practice.changes
    session.flush()
    event = PracticeChanged(practice_id=str(practice.practice_id), version=practice.setup_version)
    emit(session, event)
    after_commit(session, partial(cache.setup_changed, event.practice_id, event.version))


def revision(provider: Provider) -> str:
    """Return the revision that names the provider's set-up. It says nothing about taken time."""
    return f"0.{provider.setup_version}"
