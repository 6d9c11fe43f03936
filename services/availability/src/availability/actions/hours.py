"""Weekly hours, and the bookings that a change of hours leaves outside."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from availability.actions import setup
from availability.domain import outside
from availability.domain.hours import Hours, Override, WeeklyBlock, validate_week
from availability.search.cache import Cache
from availability.store import hours, overrides, taken
from availability.store.tables import Provider
from common import audit
from common.errors import Stale
from common.rpc.identity import Identity
from common.zones import zone


def replace(
    session: Session,
    actor: Identity,
    cache: Cache,
    username: str,
    blocks: Sequence[WeeklyBlock],
    version: int,
) -> Provider:
    """Replace a provider's week (spec AV-1, AV-2).

    `version` is that of the week on which the change is based; zero stands for the first. Raises
    Stale if the stored week has another version (spec AV-4).
    """
    practice = setup.lock_practice(session, actor)
    provider = setup.provider_to_change(session, actor, "hours:change", username)
    validate_week(blocks)
    # Nobody can have read the week of a new provider, so there is no version to name.
    if (version or 1) != provider.hours_version:
        raise Stale(field="hours.version")
    provider.blocks = hours.to_json(blocks)
    provider.hours_version += 1
    setup.provider_changed(session, cache, practice, provider)
    audit.record(session, "hours.replace", provider=provider.id)
    return provider


def bookings_outside(session: Session, provider: Provider, now: datetime) -> list[str]:
    """Return the ids of the upcoming bookings that do not lie in the provider's hours (spec AV-2).

    They are in the order of their starts.
    """
    today = now.astimezone(zone(provider.timezone)).date()
    dates = overrides.of_provider(session, provider.id, today)
    open_hours = Hours(
        zone(provider.timezone),
        hours.from_json(provider.blocks),
        [Override(each.date, tuple(hours.from_json(each.blocks))) for each in dates],
    )
    sessions = [
        outside.Session(_minute(each.session_start_at), _minute(each.session_end_at), each.ref)
        for each in taken.sessions(session, provider.number, now)
    ]
    return outside.outside(open_hours, sessions)


def _minute(instant: datetime) -> int:
    return int(instant.timestamp()) // 60
