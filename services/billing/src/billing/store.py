"""Billables, and the ledger: it only grows, and the database sees to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import DateTime, Select, insert, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from attune.booking.v1.events_pb2 import BookingFact
from billing import domain
from common import ids
from common.db import database
from common.db.cursor import Place
from common.errors import Conflict, NotFound


class AlreadyReversed(Conflict):
    """This entry has been reversed before."""


class EntryNotFound(NotFound):
    """There is no such entry."""


class Base(DeclarativeBase):
    metadata = database.metadata()
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


def add_billable(session: Session, fact: BookingFact, due: domain.Money) -> bool:
    """Whether it is new: a booking has one billable of each kind, however often it is told of."""
    added = (
        postgresql.insert(Billable)
        .values(
            id=ids.new(),
            practice_id=UUID(fact.practice_id),
            booking_id=UUID(fact.booking_id),
            client_id=UUID(fact.client_id),
            provider_id=UUID(fact.provider_id),
            kind=domain.BillableKind.SESSION,
            amount=due.minor_units,
            currency=due.currency,
            service_at=fact.start_time.ToDatetime(UTC),
        )
        .on_conflict_do_nothing(index_elements=[Billable.booking_id, Billable.kind])
        .returning(Billable.id)
    )
    return session.scalar(added) is not None


def add_entry(session: Session, practice_id: UUID, entry: domain.Entry) -> UUID:
    """Write an entry into the ledger; its id.

    Raises AlreadyReversed if it reverses what another entry has reversed.
    """
    entry_id = ids.new()
    added = (
        postgresql.insert(LedgerEntry)
        .values(
            id=entry_id,
            practice_id=practice_id,
            kind=entry.kind,
            booking_id=entry.booking_id,
            reverses=entry.reverses,
            occurred_at=entry.occurred_at,
        )
        .on_conflict_do_nothing(index_elements=[LedgerEntry.reverses])
        .returning(LedgerEntry.id)
    )
    if session.scalar(added) is None:
        raise AlreadyReversed
    session.execute(
        insert(LedgerPosting),
        [
            {
                "entry_id": entry_id,
                "line": line,
                "practice_id": practice_id,
                "account": posting.account,
                "client_id": posting.client_id,
                "amount": posting.amount.minor_units,
                "currency": posting.amount.currency,
            }
            for line, posting in enumerate(entry.postings)
        ],
    )
    return entry_id


def entry(session: Session, entry_id: UUID) -> domain.Entry:
    """An entry with its postings in their order; raises EntryNotFound."""
    found = session.get(LedgerEntry, entry_id)
    if found is None:
        raise EntryNotFound
    postings = session.scalars(
        select(LedgerPosting).where(LedgerPosting.entry_id == entry_id).order_by(LedgerPosting.line)
    )
    return domain.Entry(
        domain.EntryKind(found.kind),
        found.booking_id,
        found.occurred_at,
        tuple(_posting(p) for p in postings),
        found.reverses,
    )


def _posting(row: LedgerPosting) -> domain.Posting:
    money = domain.Money(row.amount, row.currency)
    return domain.Posting(domain.Account(row.account), money, row.client_id)


def reverse(session: Session, practice_id: UUID, entry_id: UUID, occurred_at: datetime) -> UUID:
    """Take an entry back by one of the opposite amounts, once (spec BL-1); its id.

    Raises EntryNotFound, AlreadyReversed.
    """
    reversal = domain.reversal_of(entry_id, entry(session, entry_id), occurred_at)
    return add_entry(session, practice_id, reversal)


@dataclass(frozen=True)
class Filter:
    """Which of a practice's billables are asked for; None is no restriction."""

    practice_id: UUID
    client_id: UUID | None = None
    provider_id: UUID | None = None
    # Whose billables the caller may see at all.
    only_provider_id: UUID | None = None
    # By service time, [from_at, to_at).
    from_at: datetime | None = None
    to_at: datetime | None = None


def billables(
    session: Session, wanted: Filter, after: Place | None, limit: int
) -> Sequence[Billable]:
    """The newest billables first, behind `after`."""
    query = _filtered(select(Billable).filter_by(practice_id=wanted.practice_id), wanted)
    if after:
        query = query.where(tuple_(Billable.service_at, Billable.id) < (after.at, after.id))
    newest = query.order_by(Billable.service_at.desc(), Billable.id.desc())
    return session.scalars(newest.limit(limit)).all()


def _filtered(query: Select[Billable], wanted: Filter) -> Select[Billable]:
    if wanted.client_id:
        query = query.where(Billable.client_id == wanted.client_id)
    for provider_id in (wanted.provider_id, wanted.only_provider_id):
        if provider_id:
            query = query.where(Billable.provider_id == provider_id)
    if wanted.from_at:
        query = query.where(Billable.service_at >= wanted.from_at)
    if wanted.to_at:
        query = query.where(Billable.service_at < wanted.to_at)
    return query
