"""Holds: whose they are. What they take stands in the occupancy."""

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from booking.store.tables import Hold, insertion
from common import crypto

_LOCK = 0x0A77_401D  # namespace of the advisory locks on a visitor's hold with a provider


def visitor_index(visitor_id: str) -> bytes:
    """The blind index of a visitor."""
    return crypto.ring().index(visitor_id, "hold.visitor")


def replace(session: Session, hold: Hold) -> list[UUID]:
    """Write a hold in the place of the visitor's earlier ones with the provider, which are
    returned. The visitor's other requests wait."""
    key = int.from_bytes(hold.visitor_index[:2] + hold.provider_id.bytes[:2], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, key)))
    earlier = session.scalars(
        delete(Hold)
        .where(Hold.provider_id == hold.provider_id, Hold.visitor_index == hold.visitor_index)
        .returning(Hold.id)
    ).all()
    session.execute(insertion(hold))
    return list(earlier)


def find(session: Session, hold_id: UUID, visitor_id: str) -> Hold | None:
    """A visitor's own hold."""
    return session.scalars(
        select(Hold).where(Hold.id == hold_id, Hold.visitor_index == visitor_index(visitor_id))
    ).one_or_none()


def remove(session: Session, hold_id: UUID, visitor_id: str) -> list[UUID]:
    """Forget a visitor's own hold, if it is there; returns its id."""
    own = Hold.visitor_index == visitor_index(visitor_id)
    return list(
        session.scalars(delete(Hold).where(Hold.id == hold_id, own).returning(Hold.id)).all()
    )


def forget(session: Session, hold_id: UUID) -> None:
    """Forget a hold that has lapsed."""
    session.execute(delete(Hold).where(Hold.id == hold_id))
