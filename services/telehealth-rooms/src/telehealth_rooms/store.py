"""Tables and queries: rooms and the links into them."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.db import encryption
from common.db.encryption import encrypted
from telehealth_rooms.domain import Appointment, Side

_BITS = 256
_NO_VERSION = 0  # older than every version of a booking


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True)}


class Room(Base):
    """The room of a booking, closed while the booking does not stand or is not by video.

    `booking_version` is the newest version of the booking that is known here.
    """

    __tablename__ = "rooms"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    client_id: Mapped[UUID]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    booking_version: Mapped[int]


class Link(Base):
    """The link of one side into a room: found by its blind index, shown by decrypting."""

    __tablename__ = "links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    room_id: Mapped[UUID]
    practice_id: Mapped[UUID]
    side: Mapped[str]
    token_sealed: Mapped[bytes | None]
    token = encrypted()
    token_index: Mapped[bytes]
    revoked_at: Mapped[datetime | None]


def room_of(session: Session, booking_id: UUID) -> Room | None:
    """Return the room of a booking, if the booking is known here."""
    return session.scalar(select(Room).where(Room.booking_id == booking_id))


def rooms_of(session: Session, booking_ids: Sequence[UUID]) -> dict[UUID, Room]:
    """Return the rooms of these bookings, by booking."""
    rooms = session.scalars(select(Room).where(Room.booking_id.in_(booking_ids)))
    return {room.booking_id: room for room in rooms}


def link_counts(session: Session, room_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the number of valid links of each of these rooms that has any."""
    valid = select(Link.room_id, func.count().label("valid")).where(
        Link.room_id.in_(room_ids), Link.revoked_at.is_(None)
    )
    rows = session.execute(valid.group_by(Link.room_id))
    return {row.room_id: row.valid for row in rows}


def lock_room(session: Session, booking_id: UUID) -> Room | None:
    """Return the room of a booking, locked until the transaction ends."""
    return session.scalar(
        select(Room)
        .where(Room.booking_id == booking_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def add_room(session: Session, appointment: Appointment, now: datetime) -> None:
    """Add a closed room for a booking, of no version yet, unless there is one."""
    session.execute(
        insert(Room)
        .values(
            id=ids.new(),
            practice_id=appointment.practice_id,
            booking_id=appointment.booking_id,
            provider_id=appointment.provider_id,
            client_id=appointment.client_id,
            start_at=appointment.start_at,
            end_at=appointment.end_at,
            closed_at=now,
            booking_version=_NO_VERSION,
        )
        .on_conflict_do_nothing(index_elements=[Room.booking_id])
    )


def links(session: Session, room_id: UUID) -> dict[Side, str]:
    """Return the tokens that open a room."""
    valid = select(Link).where(Link.room_id == room_id, Link.revoked_at.is_(None))
    return {Side(link.side): link.token for link in session.scalars(valid)}


def revoke_link(session: Session, room: Room, side: Side, now: datetime) -> None:
    """Revoke the link of one side of a locked room, and erase its token."""
    session.execute(
        update(Link)
        .where(Link.room_id == room.id, Link.side == side, Link.revoked_at.is_(None))
        .values(revoked_at=now, token_sealed=None)
    )


def add_link(session: Session, room: Room, side: Side) -> str:
    """Add a link for one side of a locked room, and return its token."""
    token = secrets.token_urlsafe(_BITS // 8)
    link = Link(
        id=ids.new(),
        room_id=room.id,
        practice_id=room.practice_id,
        side=side,
        token_index=_index(token),
    )
    link.token = token
    session.add(link)
    session.flush()
    return token


def find_link(session: Session, token: str) -> tuple[Room, Side] | None:
    """Return the room that a token leads to, open or closed, and for which side.

    Every token takes the same single look-up by its blind index.
    """
    found = session.execute(
        select(Room, Link.side)
        .join(Link, Link.room_id == Room.id)
        .where(
            Link.token_index == _index(token),
            Link.revoked_at.is_(None),
        )
    ).one_or_none()
    return (found[0], Side(found[1])) if found else None


def _index(token: str) -> bytes:
    return encryption.ring().index(token, "links.token")
