"""Steps that changes of a locked booking share: its history, and the release of its time."""

from datetime import datetime

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import TakenTimeChanged
from booking import messages
from booking.domain.actor import Actor
from booking.domain.occupancy import revision_of
from booking.store import occupancy
from booking.store.tables import Booking, BookingChange


def record_change(row: Booking, change: str, by: Actor, now: datetime) -> None:
    """Raise the version and add an entry to the history."""
    row.version += 1
    row.updated_at = now
    row.history.append(
        BookingChange(
            version=row.version,
            practice_id=row.practice_id,
            changed_at=now,
            actor=by.kind,
            actor_id=by.id,
            change=change,
        )
    )


def release_time(session: Session, row: Booking) -> list[TakenTimeChanged]:
    """Release the booking's time at once (spec CN-5); return the events that the caller emits."""
    changes = occupancy.release(session, row.practice_id, row.id)
    row.revision = revision_of(changes, row.provider_id) or row.revision
    return [messages.taken_time_changed(change) for change in changes]
