"""Notices."""

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
