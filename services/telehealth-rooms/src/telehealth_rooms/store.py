"""Rooms and links. A room follows the newest version of its booking that has been seen."""

import secrets
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.db import database, encryption
from common.db.encryption import encrypted
from telehealth_rooms.domain import BOTH, Appointment, Side

_BITS = 256
_UNSEEN = 0  # older than every version of a booking


class Base(DeclarativeBase):
    metadata = database.metadata()
    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True)}


class Room(Base):
    """The room of a booking; closed while the booking does not stand or is not held by video."""

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
    """One side's way into a room: found by its blind index, shown by decrypting."""

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
    """The room of a booking, as far as it is known."""
    return session.scalar(select(Room).where(Room.booking_id == booking_id))


def lock_room(session: Session, booking_id: UUID) -> Room | None:
    """The same, kept from changing until the transaction ends."""
    return session.scalar(
        select(Room)
        .where(Room.booking_id == booking_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def follow(session: Session, appointment: Appointment, now: datetime) -> Room:
    """The room of an appointment, made if need be and brought to its state unless a newer one
    has been seen. A booking without a room is remembered as a closed one, so that older news
    does not open it."""
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
            booking_version=_UNSEEN,
        )
        .on_conflict_do_nothing(index_elements=[Room.booking_id])
    )
    room = lock_room(session, appointment.booking_id)
    assert room is not None, "it has just been made, or was there"  # noqa: S101
    if appointment.version > room.booking_version:
        _bring(session, room, appointment, now)
    return room


def _bring(session: Session, room: Room, appointment: Appointment, now: datetime) -> None:
    if room.provider_id != appointment.provider_id:
        # Links are tied to a person: the former provider's gets in nowhere.
        _revoke(session, room, Side.PROVIDER, now)
    room.provider_id = appointment.provider_id
    room.start_at = appointment.start_at
    room.end_at = appointment.end_at
    room.booking_version = appointment.version
    if not appointment.has_room:
        room.closed_at = room.closed_at or now
        return
    room.closed_at = None
    for side in BOTH - links(session, room.id).keys():
        _add_link(session, room, side)


def links(session: Session, room_id: UUID) -> dict[Side, str]:
    """The tokens that open a room."""
    valid = select(Link).where(Link.room_id == room_id, Link.revoked_at.is_(None))
    return {Side(link.side): link.token for link in session.scalars(valid)}


def replace_link(session: Session, room: Room, side: Side, now: datetime) -> str:
    """A new token for one side of a locked room; the old one gets in nowhere (spec RM-2)."""
    _revoke(session, room, side, now)
    return _add_link(session, room, side)


def _revoke(session: Session, room: Room, side: Side, now: datetime) -> None:
    session.execute(
        update(Link)
        .where(Link.room_id == room.id, Link.side == side, Link.revoked_at.is_(None))
        .values(revoked_at=now, token_sealed=None)
    )


def _add_link(session: Session, room: Room, side: Side) -> str:
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
    """The open room that a token leads to, and as whom. One look-up by blind index, whatever
    the token looks like."""
    found = session.execute(
        select(Room, Link.side)
        .join(Link, Link.room_id == Room.id)
        .where(
            Link.token_index == _index(token),
            Link.revoked_at.is_(None),
            Room.closed_at.is_(None),
        )
    ).one_or_none()
    return (found[0], Side(found[1])) if found else None


def _index(token: str) -> bytes:
    return encryption.ring().index(token, "links.token")
