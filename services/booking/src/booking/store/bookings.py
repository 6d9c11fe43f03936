"""Bookings: added in one statement, found by those who may see them."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    TextClause,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from booking.domain.status import Status
from booking.store.tables import Booking, BookingChange, ServiceLine, insertion, values
from common.db import encryption
from common.db.cursor import Keyset, Page
from common.errors import NotFound
from common.rpc import access
from common.rpc.identity import Identity

BY_START = Keyset("bookings", Booking.start_at, Booking.id)
NEWEST_FIRST = Keyset("bookings, newest first", Booking.start_at, Booking.id, descending=True)


@dataclass(frozen=True)
class Filter:
    """Conditions on listed bookings; None and empty values do not restrict."""

    start: datetime | None = None
    end: datetime | None = None
    provider_id: UUID | None = None
    client_id: UUID | None = None
    statuses: tuple[str, ...] = ()
    unanswered_at: datetime | None = None
    """Only bookings that wait for the practice's response at this instant."""


def token_index(manage_token: str) -> bytes:
    """Return the blind index of a manage token."""
    return encryption.ring().index(manage_token, "booking.manage_token")


def add(session: Session, booking: Booking) -> None:
    """Write a new booking with its service lines and the first entry of its history."""
    (entry,) = booking.history
    parameters = values(booking, "b_") | values(entry, "c_")
    for number, line in enumerate(booking.lines):
        parameters |= values(line, f"l{number}_")
    session.execute(_addition(len(booking.lines)), parameters)


def get(
    session: Session, booking_id: UUID, viewer: Identity, permission: str, *, lock: bool = False
) -> Booking:
    """Return a booking within the viewer's reach (spec CL-3), locked on demand.

    Raises NotFound.
    """
    query = _locked() if lock else _unlocked().options(selectinload(Booking.history))
    within = query.where(Booking.id == booking_id, *_reach(viewer, permission))
    found = session.scalars(within).one_or_none()
    if found is None:
        raise NotFound
    return found


def find_locked(session: Session, booking_id: UUID) -> Booking | None:
    """Return a booking of the transaction's practice, locked for a change."""
    return session.scalars(_locked().where(Booking.id == booking_id)).one_or_none()


def find_by_token(session: Session, manage_token: str) -> Booking | None:
    """Return the booking that a manage link opens, without anything related."""
    query = select(Booking).where(Booking.manage_token_index == token_index(manage_token))
    return session.scalars(query).one_or_none()


def page(
    session: Session,
    viewer: Identity,
    wanted: Filter,
    token: str,
    size: int,
    *,
    newest_first: bool = False,
) -> Page[Booking]:
    """Return a page of the bookings within the viewer's reach, by start, without history."""
    conditions = (*_reach(viewer, "bookings:read"), *_conditions(wanted))
    order = NEWEST_FIRST if newest_first else BY_START
    return order.page(session, _unlocked().where(*conditions), token, size)


def count(session: Session, viewer: Identity, wanted: Filter) -> int:
    """Return the number of bookings within the viewer's reach."""
    conditions = (*_reach(viewer, "bookings:read"), *_conditions(wanted))
    counted = select(func.count()).select_from(Booking).where(*conditions)
    return session.scalar(counted) or 0


def set_payment(session: Session, booking_id: UUID, status: str, version: int) -> UUID | None:
    """Set the payment status unless a later version is known.

    Return the booking's client if the status was set.
    """
    client_id: UUID | None = session.scalar(
        update(Booking)
        .where(Booking.id == booking_id, Booking.payment_version < version)
        .values(payment_status=status, payment_version=version)
        .returning(Booking.client_id)
    )
    return client_id


def has_completed(session: Session, other_than: Booking) -> bool:
    """Return whether the client of a booking has another one whose session was completed."""
    query = exists().where(
        Booking.client_id == other_than.client_id,
        Booking.id != other_than.id,
        Booking.status == Status.COMPLETED,
    )
    return bool(session.scalar(select(query)))


@cache
def _addition(lines: int) -> TextClause:
    """Return the statement that inserts a booking with so many service lines."""
    inserts = [f"booking AS ({insertion(Booking, 'b_')})"]
    inserts += [f"line_{n} AS ({insertion(ServiceLine, f'l{n}_')})" for n in range(lines)]
    return text(f"WITH {', '.join(inserts)} {insertion(BookingChange, 'c_')}")


def _unlocked() -> Select[Booking]:
    return select(Booking).options(
        joinedload(Booking.client, innerjoin=True), selectinload(Booking.lines)
    )


def _locked() -> Select[Booking]:
    # The client is read after the lock was waited for: a joined one would be as it was before.
    related = (Booking.client, Booking.lines, Booking.history)
    return select(Booking).options(*map(selectinload, related)).with_for_update()


def _reach(viewer: Identity, permission: str) -> list[ColumnElement[bool]]:
    return access.rows(
        permission,
        viewer,
        practice=Booking.practice_id,
        provider=Booking.provider_id,
        client=Booking.client_id,
        booking=Booking.id,
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
    if wanted.unanswered_at:
        is_request = and_(
            Booking.status == Status.REQUESTED, Booking.start_at > wanted.unanswered_at
        )
        is_asked_to_cancel = and_(
            Booking.status == Status.CONFIRMED, Booking.cancellation_requested
        )
        conditions.append(or_(is_request, is_asked_to_cancel))
    return conditions
