"""Notices."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import ids
from common.db.cursor import Keyset, Page
from notifications.domain.notices import Kind, Recipient, State
from notifications.store.tables import Notice

_FAILED = Keyset("failed notices", Notice.created_at, Notice.id, descending=True)


def add(
    session: Session,
    *,
    practice_id: UUID,
    booking_id: UUID,
    provider_id: UUID | None,
    kind: Kind,
    recipient: Recipient,
    version: int,
    trace: str,
    now: datetime,
) -> bool:
    """Queue a notice, and return whether it is new.

    A recipient has one notice of each kind for each version of a booking.
    """
    statement = insert(Notice).values(
        id=ids.new(),
        practice_id=practice_id,
        booking_id=booking_id,
        provider_id=provider_id,
        kind=kind,
        recipient=recipient,
        version=version,
        trace=trace,
        created_at=now,
        queued_at=now,
    )
    added = statement.on_conflict_do_nothing().returning(Notice.id)
    return session.scalar(added) is not None


def of_booking(session: Session, booking_id: UUID) -> Sequence[Notice]:
    """Return all notices of a booking, whatever their state, oldest first."""
    query = select(Notice).where(Notice.booking_id == booking_id)
    return session.scalars(query.order_by(Notice.version, Notice.created_at)).all()


def of_bookings(session: Session, booking_ids: Sequence[UUID]) -> dict[UUID, list[Notice]]:
    """Return the notices of each of these bookings that has any."""
    found = defaultdict[UUID, list[Notice]](list)
    for notice in session.scalars(select(Notice).where(Notice.booking_id.in_(booking_ids))):
        found[notice.booking_id].append(notice)
    return found


def next_queued(session: Session, after: UUID, most: int) -> Sequence[tuple[UUID, UUID]]:
    """Return bookings with queued notices, with their practices, by id after another one."""
    rows = session.execute(
        select(Notice.booking_id, Notice.practice_id)
        .where(Notice.state == State.QUEUED, Notice.booking_id > after)
        .distinct()
        .order_by(Notice.booking_id)
        .limit(most)
    )
    return [(row.booking_id, row.practice_id) for row in rows]


def set_provider(session: Session, booking_id: UUID, provider_id: UUID) -> None:
    """Correct the provider on the notices of a booking."""
    wrong = (Notice.booking_id == booking_id, Notice.provider_id != provider_id)
    session.execute(update(Notice).where(*wrong).values(provider_id=provider_id))


def visible_of_booking(
    session: Session, visible: list[ColumnElement[bool]], booking_id: UUID
) -> Sequence[Notice]:
    """Return the notices of a booking within these conditions, oldest first."""
    query = select(Notice).where(Notice.booking_id == booking_id, *visible)
    return session.scalars(query.order_by(Notice.version, Notice.created_at)).all()


def failed(
    session: Session, visible: list[ColumnElement[bool]], token: str, size: int
) -> Page[Notice]:
    """Return a page of the failed notices within these conditions, newest first."""
    query = select(Notice).where(Notice.state == State.FAILED, *visible)
    return _FAILED.page(session, query, token, size)


def queue_again(session: Session, notice_id: UUID, now: datetime) -> Notice | None:
    """Put a failed notice back in the queue. Returns None if no such notice has failed."""
    return session.scalar(
        update(Notice)
        .where(Notice.id == notice_id, Notice.state == State.FAILED)
        .values(state=State.QUEUED, attempts=0, error="", queued_at=now, next_attempt_at=None)
        .returning(Notice)
    )


def get(session: Session, notice_id: UUID) -> Notice | None:
    """Return a notice of the practice."""
    return session.get(Notice, notice_id)
