"""Tables and queries: notices by ids only, and the development mailbox, encrypted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from common import ids
from common.db import database, encryption
from common.db.cursor import Place
from common.db.encryption import encrypted
from notifications.domain.notices import Kind, Recipient, State


class Base(DeclarativeBase):
    metadata = database.metadata()


class Notice(Base):
    """One notice to one recipient; what it says is composed when it leaves, and not kept."""

    __tablename__ = "notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    kind: Mapped[str]
    recipient: Mapped[str]
    # Of the booking, when it changed as the notice tells.
    version: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str]
    # The W3C traceparent of what caused it.
    trace: Mapped[str]
    created_at: Mapped[datetime]
    # Later than created_at if staff had it sent again.
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class DevelopmentMessage(Base):
    """A message that would have been sent, as it would have left."""

    __tablename__ = "development_messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    message_id: Mapped[str]
    to_index: Mapped[bytes]
    source_sealed: Mapped[bytes | None]
    source = encrypted()
    created_at: Mapped[datetime]


def add(
    session: Session,
    *,
    practice_id: UUID,
    booking_id: UUID,
    kind: Kind,
    recipient: Recipient,
    version: int,
    trace: str,
    now: datetime,
) -> bool:
    """Queue a notice; False if this change of the booking was told to this recipient before."""
    statement = insert(Notice).values(
        id=ids.new(),
        practice_id=practice_id,
        booking_id=booking_id,
        kind=kind,
        recipient=recipient,
        version=version,
        trace=trace,
        created_at=now,
        queued_at=now,
    )
    added = statement.on_conflict_do_nothing().returning(Notice.id)
    return session.scalar(added) is not None


def next_queued(session: Session, booking_id: UUID, recipient: Recipient) -> Notice | None:
    """The oldest notice of a booking that this recipient still waits for."""
    return session.scalar(
        select(Notice)
        .where(
            Notice.booking_id == booking_id,
            Notice.recipient == recipient,
            Notice.state == State.QUEUED,
        )
        .order_by(Notice.version, Notice.created_at)
        .limit(1)
    )


def exists(session: Session, booking_id: UUID, recipient: Recipient, kind: Kind) -> bool:
    """Whether there is such a notice of the booking for this recipient, however it stands."""
    found = session.scalar(
        select(Notice.id)
        .where(
            Notice.booking_id == booking_id,
            Notice.recipient == recipient,
            Notice.kind == kind,
        )
        .limit(1)
    )
    return found is not None


def failed(
    session: Session, practice_id: UUID, after: Place | None, limit: int
) -> Sequence[Notice]:
    """A practice's failed notices, newest first, behind the one with this creation and id."""
    query = select(Notice).filter_by(practice_id=practice_id, state=State.FAILED)
    if after:
        query = query.where(tuple_(Notice.created_at, Notice.id) < (after.at, after.id))
    order = (Notice.created_at.desc(), Notice.id.desc())
    return session.scalars(query.order_by(*order).limit(limit)).all()


def queue_again(session: Session, notice_id: UUID, now: datetime) -> Notice | None:
    """Put a failed notice back in the queue; None if there is no such failed notice."""
    return session.scalar(
        update(Notice)
        .where(Notice.id == notice_id, Notice.state == State.FAILED)
        .values(state=State.QUEUED, attempts=0, error="", queued_at=now)
        .returning(Notice)
    )


def get(session: Session, notice_id: UUID) -> Notice | None:
    """One notice of the practice."""
    return session.get(Notice, notice_id)


def keep_message(
    session: Session, *, practice_id: UUID, message_id: str, to: str, source: str, now: datetime
) -> None:
    """Put a message into the development mailbox, unless it is there already."""
    message = DevelopmentMessage(id=ids.new())
    message.source = source
    session.execute(
        insert(DevelopmentMessage)
        .values(
            id=message.id,
            practice_id=practice_id,
            message_id=message_id,
            to_index=address_index(to),
            source_sealed=message.source_sealed,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


def messages(session: Session, to: str, limit: int) -> Sequence[DevelopmentMessage]:
    """The development mailbox, newest first: all of it, or what went to one address."""
    query = select(DevelopmentMessage)
    if to:
        query = query.where(DevelopmentMessage.to_index == address_index(to))
    return session.scalars(query.order_by(DevelopmentMessage.sequence.desc()).limit(limit)).all()


def address_index(address: str) -> bytes:
    """The blind index of an address, whatever its capitals."""
    return encryption.ring().index(address.strip().casefold(), "development_messages.to")
