"""The tables. They hold no personal data: ids, times, and amounts."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True)}


class LedgerEntry(Base):
    __tablename__ = "entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    kind: Mapped[str]
    booking_id: Mapped[UUID]
    reverses: Mapped[UUID | None]
    occurred_at: Mapped[datetime]


class LedgerPosting(Base):
    __tablename__ = "postings"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    account: Mapped[str]
    client_id: Mapped[UUID | None]
    amount: Mapped[int]
    currency: Mapped[str]


class BilledSession(Base):
    """The newest version of a booking that billing has judged.

    `payment_version` is the version of the last payment status that billing sent to booking.
    """

    __tablename__ = "sessions"

    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    booking_version: Mapped[int]
    payment_version: Mapped[int]


class Billable(Base):
    __tablename__ = "billables"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    client_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    kind: Mapped[str]
    amount: Mapped[int]
    currency: Mapped[str]
    service_at: Mapped[datetime]
