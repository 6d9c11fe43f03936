"""Physical rooms."""

from sqlalchemy.orm import Session

from availability.store.tables import PhysicalRoom, Practice
from common import audit, ids


def create(session: Session, practice: Practice, *, name: str, address: str) -> PhysicalRoom:
    """Create a physical room of a locked practice."""
    room = PhysicalRoom(id=ids.new(), practice_id=practice.practice_id, name=name, address=address)
    session.add(room)
    session.flush()
    audit.record(session, "physical_room.create", physical_room=room.id)
    return room
