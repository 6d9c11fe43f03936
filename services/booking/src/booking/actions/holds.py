"""Form holds: one for each visitor and provider (spec BK-3)."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from booking import messages
from booking.domain.occupancy import HOLD, BlockedByExpiredHolds, SlotTaken, revision_of
from booking.domain.terms import Terms
from booking.store import holds, occupancy
from booking.store.tables import Hold
from common import ids
from common.db.database import Database
from common.jobs import schedule
from common.messaging.outbox import emit

EXPIRE_HOLD = "expire_hold"
_ATTEMPTS = 3  # each attempt may meet another expired hold

Result = TypeVar("Result")


def create(
    session: Session, terms: Terms, start: datetime, visitor_id: str, now: datetime
) -> tuple[Hold, int]:
    """Hold a start for a visitor, whose earlier hold with the provider is released.

    Return the hold and the provider's revision. Raises SlotTaken, or BlockedByExpiredHolds
    (`clearing_expired`).
    """
    hold = Hold(
        id=ids.new(),
        practice_id=terms.practice_id,
        provider_id=terms.provider_id,
        visitor_index=holds.visitor_index(visitor_id),
        expires_at=now + terms.hold_duration,
    )
    earlier = holds.replace(session, hold)
    wanted = terms.taken_time(start, hold.id, HOLD, hold.expires_at)
    changes = occupancy.take(session, wanted, now, instead_of=earlier)
    emit(session, *map(messages.taken_time_changed, changes))
    schedule.schedule(session, EXPIRE_HOLD, hold.id, hold.practice_id, hold.expires_at)
    if earlier:
        schedule.cancel(session, EXPIRE_HOLD, earlier)
    return hold, revision_of(changes, hold.provider_id)


def release(session: Session, practice_id: UUID, hold_id: UUID) -> int:
    """Release a hold; return the provider's new revision, 0 if the hold was gone already."""
    revision = expire(session, practice_id, hold_id)
    if revision:
        schedule.cancel(session, EXPIRE_HOLD, hold_id)
    return revision


def expire(session: Session, practice_id: UUID, hold_id: UUID) -> int:
    """Release a hold as `release` does, but leave the plan to the worker that carries it out."""
    provider_id = holds.remove(session, hold_id)
    if provider_id is None:
        return 0
    changes = occupancy.release(session, practice_id, hold_id)
    emit(session, *map(messages.taken_time_changed, changes))
    return revision_of(changes, provider_id)


def clearing_expired(
    database: Database, practice_id: UUID, act: Callable[[Session], Result]
) -> Result:
    """Run an action that takes time in a transaction. If only expired holds block it, release
    them and try again.

    Each of them is released in a transaction of its own: removing it while time is being taken
    could wait for a transaction that waits for this one. Raises SlotTaken.
    """
    for _ in range(_ATTEMPTS):
        try:
            with database.transaction(practice_id) as session:
                return act(session)
        except BlockedByExpiredHolds as blocked:
            for hold_id in blocked.holds:
                with database.transaction(practice_id) as session:
                    release(session, practice_id, hold_id)
    raise SlotTaken(revision="")
