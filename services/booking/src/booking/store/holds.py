"""Holds and the visitors who own them. The time that holds take is in the occupancy."""

from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from booking.store.tables import Hold, insertion, values
from common.db import encryption

_ADD = text(insertion(Hold))
_LOCK = 0x0A77_401D  # namespace of the advisory locks on a visitor's hold with a provider


def visitor_index(visitor_id: str) -> bytes:
    """Return the blind index of a visitor."""
    return encryption.ring().index(visitor_id, "hold.visitor")


def replace(session: Session, hold: Hold) -> UUID | None:
    """Write a hold in place of the visitor's earlier one with the provider; return the id of the
    earlier one.

    The visitor's other requests for a hold with the provider wait.
    """
    key = int.from_bytes(hold.visitor_index[:2] + hold.provider_id.bytes[:2], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, key)))
    earlier = session.scalars(
        delete(Hold)
        .where(Hold.provider_id == hold.provider_id, Hold.visitor_index == hold.visitor_index)
        .returning(Hold.id)
    ).one_or_none()
    session.execute(_ADD, values(hold))
    return earlier


def find(session: Session, hold_id: UUID, visitor_id: str) -> Hold | None:
    """Return a visitor's own hold."""
    own = Hold.visitor_index == visitor_index(visitor_id)
    return session.scalars(select(Hold).where(Hold.id == hold_id, own)).one_or_none()


def remove_own(session: Session, hold_id: UUID, visitor_id: str, provider_id: UUID) -> UUID | None:
    """Remove a visitor's own hold with a provider; return its id if it was there."""
    own = Hold.visitor_index == visitor_index(visitor_id)
    return session.scalars(
        delete(Hold)
        .where(Hold.id == hold_id, Hold.provider_id == provider_id, own)
        .returning(Hold.id)
    ).one_or_none()


def remove(session: Session, hold_id: UUID) -> UUID | None:
    """Remove a hold; return its provider.

    Return None if another transaction removed it, which then releases its time.
    """
    gone = delete(Hold).where(Hold.id == hold_id).returning(Hold.provider_id)
    return session.scalars(gone).one_or_none()
