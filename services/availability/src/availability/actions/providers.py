"""Providers."""

from uuid import UUID

from sqlalchemy.orm import Session

from availability.domain.policies import Settings
from availability.store import practices, providers
from availability.store.tables import Practice, Provider
from common import audit, ids
from common.db.cursor import Page
from common.errors import Conflict
from common.rpc.identity import Identity


class UsernameTaken(Conflict):
    """A provider with this username already exists."""


def get(session: Session, provider_id: UUID) -> tuple[Provider, Practice]:
    """Return a provider and their practice. Raises ProviderNotFound."""
    provider = providers.get(session, provider_id)
    practice = practices.get(session, provider.practice_id)
    audit.record(session, "provider.read", provider=provider.id)
    return provider, practice


def page(session: Session, actor: Identity, token: str, size: int) -> Page[Provider]:
    """Return the page after `token` of the practice's providers, by username."""
    found = providers.page(session, actor, token, size)
    audit.record(session, "provider.list", provider=[row.id for row in found.rows])
    return found


def create(
    session: Session,
    practice: Practice,
    *,
    username: str,
    display_name: str,
    timezone: str,
    email: str,
    policies: Settings,
) -> Provider:
    """Create a provider of a locked practice, without hours.

    Raises UsernameTaken, also if the other provider belongs to another practice.
    """
    provider = Provider(
        id=ids.new(),
        practice_id=practice.practice_id,
        username=username,
        display_name=display_name,
        timezone=timezone,
        policies=dict(policies),
        policies_version=1,
        blocks=[],
        hours_version=1,
        setup_version=practice.changes,
    )
    provider.email = email
    if not providers.add(session, provider):
        raise UsernameTaken(field="provider.username")
    audit.record(session, "provider.create", provider=provider.id)
    return provider
