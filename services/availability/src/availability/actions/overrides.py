"""Overrides: the hours of single dates."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from availability.actions import setup
from availability.domain import hours as rules
from availability.domain.hours import WeeklyBlock
from availability.search.cache import Cache
from availability.store import hours, overrides, providers
from availability.store.tables import Override, Practice, Provider
from common import audit, ids
from common.rpc.identity import Identity
from common.zones import zone


def of_provider(
    session: Session, username: str, since: date | None, now: datetime
) -> Sequence[Override]:
    """Return a provider's overrides of `since` and later, of today and later by default."""
    provider = providers.by_username(session, username)
    today = now.astimezone(zone(provider.timezone)).date()
    return overrides.of_provider(session, provider.id, since or today)


def create(
    session: Session,
    actor: Identity,
    cache: Cache,
    practice: Practice,
    username: str,
    day: date,
    blocks: Sequence[WeeklyBlock],
) -> tuple[Override, Provider]:
    """Give one date other hours (spec AV-6), in place of any earlier override of the date.

    The practice is locked. Without blocks, the date is closed.
    """
    provider = setup.provider_to_change(session, actor, "hours:change", username)
    rules.validate_override(rules.Override(day, tuple(blocks)))
    override = Override(
        id=ids.new(),
        practice_id=provider.practice_id,
        provider_id=provider.id,
        date=day,
        blocks=hours.to_json(blocks),
    )
    overrides.put(session, override)
    setup.provider_changed(session, cache, practice, provider)
    audit.record(session, "override.create", provider=provider.id, override=override.id)
    return override, provider


def delete(
    session: Session, actor: Identity, cache: Cache, username: str, override_id: UUID
) -> Provider:
    """Return a date to the weekly hours. Raises OverrideNotFound."""
    practice = setup.lock_practice(session, actor)
    provider = setup.provider_to_change(session, actor, "hours:change", username)
    overrides.remove(session, provider.id, override_id)
    setup.provider_changed(session, cache, practice, provider)
    audit.record(session, "override.delete", provider=provider.id, override=override_id)
    return provider
