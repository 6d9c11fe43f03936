"""The projection of bookings as rooms, compared with booking and repaired (spec PF-4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from attune.booking.v1.booking_fact_service_pb2 import BookingState
from common.upkeep.facts import PAGE, BookingProjection
from telehealth_rooms import actions, messages, store
from telehealth_rooms.domain import BOTH, Appointment
from telehealth_rooms.store import Room

_WITHOUT = frozenset({"cancelled", "declined", "expired"})


class Rooms:
    """The rooms of bookings, as copies of the bookings' times and people."""

    name = "rooms"
    past = timedelta(days=1)

    def compare(
        self, session: Session, states: Mapping[UUID, BookingState], now: datetime
    ) -> Mapping[UUID, str]:
        """Return the bookings whose rooms are not as booking's events would have left them."""
        rooms = store.rooms_of(session, list(states))
        sides = store.link_counts(session, [room.id for room in rooms.values()])
        found = {}
        for booking_id, state in states.items():
            wanted = messages.appointment(state.booking, state.booking.client_id)
            room = rooms.get(booking_id)
            if room is None and wanted.has_room:
                found[booking_id] = "missing"
            if room is not None and not _agrees(room, wanted, sides.get(room.id, 0)):
                found[booking_id] = "different"
        return found

    def known(self, session: Session, since: datetime, after: UUID) -> Sequence[tuple[UUID, UUID]]:
        """Return the next open rooms, by booking."""
        rows = session.execute(
            select(Room.booking_id, Room.practice_id)
            .where(Room.closed_at.is_(None), Room.end_at > since, Room.booking_id > after)
            .order_by(Room.booking_id)
            .limit(PAGE)
        )
        return [(row.booking_id, row.practice_id) for row in rows]

    def lock(self, session: Session, state: BookingState) -> None:
        """Lock the room of a booking, added as a closed one if there is none."""
        wanted = messages.appointment(state.booking, state.booking.client_id)
        store.add_room(session, wanted, wanted.end_at)
        store.lock_room(session, wanted.booking_id)

    def replace(self, session: Session, state: BookingState, now: datetime) -> bool:
        """Open, move, or close the locked room as the booking demands."""
        wanted = messages.appointment(state.booking, state.booking.client_id)
        actions.follow_booking(session, wanted, now, whatever_was_known=True)
        return True

    def drop(self, session: Session, booking_id: UUID, now: datetime) -> bool:
        """Close the room of a booking that does not exist."""
        if room := store.lock_room(session, booking_id):
            room.closed_at = room.closed_at or now
        return True


def _agrees(room: Room, wanted: Appointment, links: int) -> bool:
    """Return whether a room is as the booking demands.

    A session that took place leaves its room as it is, and the version of a booking rises with
    changes that do not concern its room.
    """
    if room.booking_version > wanted.version:
        return False
    if not wanted.has_room:
        return room.closed_at is not None or wanted.status not in _WITHOUT
    same = (room.provider_id, room.client_id, room.start_at, room.end_at) == (
        wanted.provider_id,
        wanted.client_id,
        wanted.start_at,
        wanted.end_at,
    )
    return same and room.closed_at is None and links == len(BOTH)


projection = BookingProjection(Rooms())
