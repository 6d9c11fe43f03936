"""Physical rooms."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from availability.store.tables import PhysicalRoom


def of_practice(session: Session, practice_id: UUID) -> Sequence[PhysicalRoom]:
    """Return a practice's physical rooms, by name."""
    ordered = select(PhysicalRoom).order_by(PhysicalRoom.name, PhysicalRoom.id)
    return session.scalars(ordered.filter_by(practice_id=practice_id)).all()
