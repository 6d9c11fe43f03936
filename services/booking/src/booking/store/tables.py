"""The tables. Personal data is in `…_sealed` columns only (spec PF-7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, LargeBinary, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from booking.domain.cancellation import CancellationPolicy, CancellationRule
from booking.domain.status import Status
from common.db.encryption import encrypted


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # read by SQLAlchemy
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
    }


class ResourceRow(Base):
    """A provider or a physical room, with the revision of its occupancy."""

    __tablename__ = "resources"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    practice_id: Mapped[UUID]
    resource_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(BigInteger)


class Occupancy(Base):
    """One resource taken from `start_at` to `end_at`.

    An exclusion constraint keeps the rows of a resource from overlapping, across all practices
    (spec BK-2).
    """

    __tablename__ = "occupancy"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    practice_id: Mapped[UUID]
    resource: Mapped[int] = mapped_column(BigInteger)
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    session_start: Mapped[datetime]
    session_end: Mapped[datetime]
    kind: Mapped[str]
    ref: Mapped[UUID]
    expires_at: Mapped[datetime | None]


class Hold(Base):
    """The owner of a hold. A visitor has at most one with a provider (spec BK-3)."""

    __tablename__ = "holds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    visitor_index: Mapped[bytes]
    expires_at: Mapped[datetime]


class Client(Base):
    """A client of one practice, identified by email (spec CL-2)."""

    __tablename__ = "clients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    name_sealed: Mapped[bytes]
    email_sealed: Mapped[bytes]
    phone_sealed: Mapped[bytes | None]
    email_index: Mapped[bytes]
    email_index_version: Mapped[int]
    """1: of the folded address, before IDNA 2008; 2: of `common.emails.Email.key`."""
    timezone: Mapped[str]
    status: Mapped[str]
    billing_type: Mapped[str]
    created_at: Mapped[datetime]

    name = encrypted()
    email = encrypted()
    phone = encrypted()


class Booking(Base):
    """One appointment, with the terms that held when it was made (spec BK-6).

    The `typed_…` columns, `client_timezone`, and `client_locale` are what was typed for this
    booking. Anybody who knows an email address can book with it, and must not see what the
    practice knows about its owner. Bookings of early releases have no typed email.
    `local_start` is on the provider's wall clock, which stays when a zone's rules change
    (spec AV-5).
    """

    __tablename__ = "bookings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    username: Mapped[str]
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    typed_name_sealed: Mapped[bytes]
    typed_email_sealed: Mapped[bytes | None]
    typed_phone_sealed: Mapped[bytes | None]
    client_timezone: Mapped[str]
    client_locale: Mapped[str]
    status: Mapped[str]
    mode: Mapped[str]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    local_start: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    timezone: Mapped[str]
    address: Mapped[str]
    note_sealed: Mapped[bytes | None]
    reason_text_sealed: Mapped[bytes | None]
    synthetic: Mapped[bool]
    client_cancellation: Mapped[str]
    late_cancellation_minutes: Mapped[int]
    cancellation_requested: Mapped[bool]
    cancelled_by: Mapped[str]
    cancellation_reason: Mapped[str]
    payment_status: Mapped[str]
    payment_version: Mapped[int] = mapped_column(BigInteger)
    manage_token_sealed: Mapped[bytes]
    manage_token_index: Mapped[bytes]
    revision: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    typed_name = encrypted()
    typed_email = encrypted()
    typed_phone = encrypted()
    note = encrypted()
    reason_text = encrypted()
    manage_token = encrypted()

    client: Mapped[Client] = relationship(lazy="raise")
    lines: Mapped[list["ServiceLine"]] = relationship(lazy="raise", order_by="ServiceLine.position")
    history: Mapped[list["BookingChange"]] = relationship(
        lazy="raise", order_by="BookingChange.version"
    )

    @property
    def cancellation_rule(self) -> CancellationRule:
        """The rule that decides whether the client may cancel."""
        return CancellationRule(
            Status(self.status),
            self.start_at,
            CancellationPolicy(self.client_cancellation),
            self.late_cancellation_minutes,
            self.cancellation_requested,
        )


class ServiceLine(Base):
    """A service on a booking with its frozen terms. Amounts are minor units; a fee may be unset."""

    __tablename__ = "service_lines"

    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    service_type_id: Mapped[UUID]
    slug: Mapped[str]
    title: Mapped[str]
    code: Mapped[str]
    duration_minutes: Mapped[int]
    currency_code: Mapped[str]
    price: Mapped[int] = mapped_column(BigInteger)
    no_show_fee: Mapped[int | None] = mapped_column(BigInteger)
    late_cancellation_fee: Mapped[int | None] = mapped_column(BigInteger)


class BookingChange(Base):
    """An entry of a booking's history: the change that led to a version (spec BK-8)."""

    __tablename__ = "booking_changes"

    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    practice_id: Mapped[UUID]
    changed_at: Mapped[datetime]
    actor: Mapped[str]
    actor_id: Mapped[str]
    change: Mapped[str]


def insertion(kind: type[Base], prefix: str = "") -> str:
    """Return the SQL that inserts one row; `values` gives its parameters.

    It costs less than SQLAlchemy's unit of work, on the paths where that counts.
    """
    columns = [column.key for column in kind.__table__.columns]
    parameters = ", ".join(f":{prefix}{column}" for column in columns)
    return f"INSERT INTO {kind.__tablename__} ({', '.join(columns)}) VALUES ({parameters})"  # noqa: S608  # our names


def values(row: Base, prefix: str = "") -> dict[str, Any]:
    """Return the parameters of a row for `insertion`."""
    return {f"{prefix}{column.key}": getattr(row, column.key) for column in row.__table__.columns}
