"""Billables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from billing.domain import BillableKind, CompletedBooking, Money
from billing.store.tables import Billable
from common import ids
from common.db.cursor import Keyset, Page

_NEWEST_FIRST = Keyset("billables", Billable.service_at, Billable.id, descending=True)


def add(session: Session, completed: CompletedBooking, due: Money) -> None:
    """Add the billable of a session, which has none.

    The database refuses a second billable of a kind for a booking.
    """
    session.execute(
        insert(Billable).values(
            id=ids.new(),
            practice_id=completed.practice_id,
            booking_id=completed.booking_id,
            client_id=completed.client_id,
            provider_id=completed.provider_id,
            kind=BillableKind.SESSION,
            amount=due.minor_units,
            currency=due.currency,
            service_at=completed.start_at,
        )
    )


def remove(session: Session, booking_id: UUID) -> bool:
    """Remove the billable of a booking's session; return whether there was one."""
    removed = (
        delete(Billable)
        .where(Billable.booking_id == booking_id, Billable.kind == BillableKind.SESSION)
        .returning(Billable.id)
    )
    return session.scalar(removed) is not None


def of_bookings(session: Session, booking_ids: Sequence[UUID]) -> dict[UUID, Billable]:
    """Return the billables of the sessions of these bookings, by booking."""
    rows = session.scalars(select(Billable).where(Billable.booking_id.in_(booking_ids)))
    return {row.booking_id: row for row in rows if row.kind == BillableKind.SESSION}


def next_bookings(
    session: Session, since: datetime, after: UUID, most: int
) -> Sequence[tuple[UUID, UUID]]:
    """Return bookings that have billables for sessions since an instant, with their practices, by
    id after another one."""
    rows = session.execute(
        select(Billable.booking_id, Billable.practice_id)
        .where(Billable.service_at > since, Billable.booking_id > after)
        .order_by(Billable.booking_id)
        .limit(most)
    )
    return [(row.booking_id, row.practice_id) for row in rows]


@dataclass(frozen=True)
class Filter:
    """Which billables are listed; None does not restrict."""

    client_id: UUID | None = None
    provider_id: UUID | None = None
    # By service time, [from_at, to_at).
    from_at: datetime | None = None
    to_at: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions of a query."""
        if self.client_id:
            yield Billable.client_id == self.client_id
        if self.provider_id:
            yield Billable.provider_id == self.provider_id
        if self.from_at:
            yield Billable.service_at >= self.from_at
        if self.to_at:
            yield Billable.service_at < self.to_at


def page(
    session: Session, visible: list[ColumnElement[bool]], wanted: Filter, token: str, size: int
) -> Page[Billable]:
    """Return a page of the wanted billables within the visible ones, newest first."""
    query = select(Billable).where(*visible, *wanted.conditions())
    return _NEWEST_FIRST.page(session, query, token, size)
