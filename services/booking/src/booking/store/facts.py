"""The present state of bookings of all practices, for services that keep a projection."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from booking.store.tables import Booking
from common.db.cursor import Keyset, Page

_BY_END = Keyset("booking facts", Booking.end_at, Booking.id)


def of(session: Session, booking_ids: Sequence[UUID]) -> Page[Booking]:
    """Return these bookings, as far as they exist, on one page."""
    return Page(session.scalars(_query().where(Booking.id.in_(booking_ids))).all(), "")


def page(session: Session, end_after: datetime | None, token: str, size: int) -> Page[Booking]:
    """Return a page of the bookings that end after an instant. Raises InvalidPageToken."""
    query = _query()
    if end_after:
        query = query.where(Booking.end_at > end_after)
    return _BY_END.page(session, query, token, size)


def _query() -> Select[Booking]:
    return select(Booking).options(
        joinedload(Booking.client, innerjoin=True),
        selectinload(Booking.lines),
        selectinload(Booking.history),
    )
