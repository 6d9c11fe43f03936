"""Bookings: added in one statement, found by those who may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, select, text, tuple_, update
from sqlalchemy.orm import Session, selectinload

from booking.store.tables import Booking, BookingChange, ServiceLine, insertion, values
from common.db import encryption
from common.db.cursor import Place
from common.errors import NotFound
from common.rpc.identity import Identity

_ADD = text(
    f"WITH booking AS ({insertion(Booking, 'b_')}), line AS ({insertion(ServiceLine, 'l_')})"
    f" {insertion(BookingChange, 'c_')}"
)


@dataclass(frozen=True)
class Filter:
    """Which bookings; what is None or empty does not restrict."""

    start: datetime | None = None
    end: datetime | None = None
    provider_id: UUID | None = None
    client_id: UUID | None = None
    statuses: tuple[str, ...] = ()


def token_index(manage_token: str) -> bytes:
    """The blind index of a manage token."""
    return encryption.ring().index(manage_token, "booking.manage_token")


def add(session: Session, booking: Booking) -> None:
    """Write a new booking with its line and the beginning of its history."""
    (line,), (change,) = booking.lines, booking.changes
    session.execute(_ADD, values(booking, "b_") | values(line, "l_") | values(change, "c_"))


def get(session: Session, booking_id: UUID, viewer: Identity, *, lock: bool = False) -> Booking:
    """A booking that the viewer may see (spec CL-3), or NotFound; locked for a change."""
    query = _whole().where(Booking.id == booking_id, *_visible_to(viewer))
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


def find(session: Session, booking_id: UUID) -> Booking | None:
    """A booking for the clockwork, locked for a change."""
    return session.scalars(_whole().where(Booking.id == booking_id).with_for_update()).one_or_none()


def find_by_token(session: Session, manage_token: str) -> Booking | None:
    """The booking that a manage link opens."""
    query = select(Booking).where(Booking.manage_token_index == token_index(manage_token))
    return session.scalars(query).one_or_none()


def page(
    session: Session, viewer: Identity, wanted: Filter, after: Place | None, size: int
) -> Sequence[Booking]:
    """Bookings that the viewer may see, by start, without history."""
    query = (
        select(Booking)
        .options(selectinload(Booking.client), selectinload(Booking.lines))
        .where(*_visible_to(viewer), *_conditions(wanted))
        .order_by(Booking.start_at, Booking.id)
        .limit(size)
    )
    if after:
        query = query.where(tuple_(Booking.start_at, Booking.id) > (after.at, after.id))
    return session.scalars(query).all()


def set_payment(session: Session, booking_id: UUID, status: str, version: int) -> UUID | None:
    """What billing says, unless it has said something newer; the booking's client, if it is
    new."""
    client_id: UUID | None = session.scalar(
        update(Booking)
        .where(Booking.id == booking_id, Booking.payment_version < version)
        .values(payment_status=status, payment_version=version)
        .returning(Booking.client_id)
    )
    return client_id


def _whole() -> Select[Booking]:
    return select(Booking).options(
        selectinload(Booking.client), selectinload(Booking.lines), selectinload(Booking.changes)
    )


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.start:
        conditions.append(Booking.start_at >= wanted.start)
    if wanted.end:
        conditions.append(Booking.start_at < wanted.end)
    if wanted.provider_id:
        conditions.append(Booking.provider_id == wanted.provider_id)
    if wanted.client_id:
        conditions.append(Booking.client_id == wanted.client_id)
    if wanted.statuses:
        conditions.append(Booking.status.in_(wanted.statuses))
    return conditions


def _visible_to(viewer: Identity) -> list[ColumnElement[bool]]:
    if not viewer.practice_id:
        return [false()]
    # Row-level security says so too, but indexes serve only what a query says.
    practice = Booking.practice_id == UUID(viewer.practice_id)
    if viewer.sees_whole_practice:
        return [practice]
    if viewer.is_staff and viewer.provider_id:
        return [practice, Booking.provider_id == UUID(viewer.provider_id)]
    if viewer.client_id:
        own = Booking.client_id == UUID(viewer.client_id)
        one = [Booking.id == UUID(viewer.booking_id)] if viewer.booking_id else []
        return [practice, own, *one]
    return [false()]
