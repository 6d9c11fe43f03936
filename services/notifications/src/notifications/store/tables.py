"""The tables."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.encryption import encrypted


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012  # read by SQLAlchemy


class Notice(Base):
    """One notice to one recipient. Its message is composed when it is sent, and not kept."""

    __tablename__ = "notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    # The provider of the booking; notices of early releases have none.
    provider_id: Mapped[UUID | None]
    kind: Mapped[str]
    recipient: Mapped[str]
    # The version of the booking that the notice is about.
    version: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str]
    # The W3C traceparent of the event.
    trace: Mapped[str]
    created_at: Mapped[datetime]
    # Later than created_at if staff had the notice sent again.
    queued_at: Mapped[datetime]
    # A queued notice is not tried before this instant; None means at once.
    next_attempt_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]


class DevelopmentMessage(Base):
    """A message in the development mailbox, in the form in which it would have been sent."""

    __tablename__ = "development_messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    message_id: Mapped[str]
    to_index: Mapped[bytes]
    source_sealed: Mapped[bytes | None]
    source = encrypted()
    created_at: Mapped[datetime]
