"""Policies of the practice and of single providers."""

from sqlalchemy.orm import Session

from availability.actions import setup
from availability.domain.policies import Settings
from availability.search.cache import Cache
from availability.store import practices, providers
from availability.store.tables import Practice, Provider
from common import audit
from common.errors import Stale
from common.rpc.identity import Identity


def get(session: Session, actor: Identity, username: str) -> tuple[Practice, Provider | None]:
    """Return the practice, and the provider if `username` names one."""
    practice = practices.get(session, setup.practice_of(actor))
    provider = providers.by_username(session, username) if username else None
    return practice, provider


def replace(
    session: Session,
    actor: Identity,
    cache: Cache,
    username: str,
    settings: Settings,
    version: int,
) -> tuple[Practice, Provider | None]:
    """Replace a provider's own policies, or the practice's if `username` is empty (spec AV-15,
    AV-16). Raises Stale if the stored policies have another version."""
    practice = setup.lock_practice(session, actor)
    provider = None
    if username:
        provider = setup.provider_to_change(session, actor, "policies:change", username)
    else:
        setup.require_practice_reach(actor, "policies:change")
    row = provider or practice
    if version != row.policies_version:
        raise Stale(field="version")
    row.policies = dict(settings)
    row.policies_version += 1
    if provider:
        setup.provider_changed(session, cache, practice, provider)
        audit.record(session, "policies.replace", provider=provider.id)
    else:
        setup.practice_changed(session, cache, practice)
        audit.record(session, "policies.replace", practice=practice.practice_id)
    return practice, provider
