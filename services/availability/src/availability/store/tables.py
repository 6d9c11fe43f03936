"""The tables. A provider's email is encrypted, in a `…_sealed` column (spec PF-7)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, FetchedValue, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.encryption import encrypted

Json = dict[str, Any]


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # read by SQLAlchemy
        str: Text(),
        bytes: LargeBinary(),
        datetime: DateTime(timezone=True),
        Json: JSONB(none_as_null=True),
        list[Json]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Practice(Base):
    """The tenant.

    `changes` counts all changes of the practice's set-up, which are made one after the other under
    this row's lock. `setup_version` is the number of the last change that concerned all of its
    providers.
    """

    __tablename__ = "practices"

    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    timezone: Mapped[str]
    currency_code: Mapped[str]
    country: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]
    website: Mapped[str]
    synthetic: Mapped[bool]
    policies: Mapped[Json]
    policies_version: Mapped[int] = mapped_column(BigInteger)
    changes: Mapped[int] = mapped_column(BigInteger)
    setup_version: Mapped[int] = mapped_column(BigInteger)


class Provider(Base):
    """A clinician.

    `number` is the provider's resource number in booking's occupancy. `setup_version` is the
    number of the last change of the practice's set-up that concerned this provider alone.
    """

    __tablename__ = "providers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(BigInteger, FetchedValue())
    username: Mapped[str]
    display_name: Mapped[str]
    timezone: Mapped[str]
    email_sealed: Mapped[bytes | None]
    policies: Mapped[Json]
    policies_version: Mapped[int] = mapped_column(BigInteger)
    blocks: Mapped[list[Json]]
    hours_version: Mapped[int] = mapped_column(BigInteger)
    setup_version: Mapped[int] = mapped_column(BigInteger)

    email = encrypted()


class PhysicalRoom(Base):
    """A room of the practice. Rooms and providers share one sequence of resource numbers."""

    __tablename__ = "physical_rooms"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(BigInteger, FetchedValue())
    name: Mapped[str]
    address: Mapped[str]


class Override(Base):
    """The hours of one date."""

    __tablename__ = "overrides"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    date: Mapped[date]
    blocks: Mapped[list[Json]]


class ServiceType(Base):
    """Something a client can book. The price is in minor units of the practice's currency.

    Deleted rows stay, because bookings refer to them.
    """

    __tablename__ = "service_types"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    slug: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    duration_minutes: Mapped[int]
    modes: Mapped[list[str]]
    step_minutes: Mapped[int]
    buffer_before_minutes: Mapped[int]
    buffer_after_minutes: Mapped[int]
    code: Mapped[str]
    active: Mapped[bool]
    online: Mapped[bool]
    telehealth_enabled: Mapped[bool]
    price: Mapped[int] = mapped_column(BigInteger)
    no_show_fee: Mapped[Json | None]
    late_cancellation_fee: Mapped[Json | None]
    version: Mapped[int] = mapped_column(BigInteger)
    deleted: Mapped[bool]


class Taken(Base):
    """A row of the projection: time of one resource that a booking or hold takes."""

    __tablename__ = "taken"

    resource_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    session_start_at: Mapped[datetime]
    session_end_at: Mapped[datetime]
    kind: Mapped[int]


class TakenRevision(Base):
    """The revision of a resource that the projection has reached."""

    __tablename__ = "taken_revisions"

    resource_number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    practice_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(BigInteger)
