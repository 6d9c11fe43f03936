"""The ledger. It only grows, which the database enforces (spec BL-1)."""

from uuid import UUID

from sqlalchemy import exists, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, aliased

from billing import domain
from billing.store.tables import LedgerEntry, LedgerPosting
from common import ids
from common.errors import Conflict, NotFound


class AlreadyReversed(Conflict):
    """This entry was already reversed."""


class EntryNotFound(NotFound):
    """This entry doesn't exist."""


def add_entry(session: Session, practice_id: UUID, entry: domain.Entry) -> UUID:
    """Write an entry into the ledger, and return its id.

    Raises AlreadyReversed if it reverses an entry that has been reversed before.
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
    """Return an entry with its postings in order. Raises EntryNotFound."""
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


def find_session_entry(session: Session, booking_id: UUID) -> UUID | None:
    """Return the id of the entry of a booking's session that has not been reversed, if any."""
    reversal = aliased(LedgerEntry)
    query = select(LedgerEntry.id).where(
        LedgerEntry.booking_id == booking_id,
        LedgerEntry.kind == domain.EntryKind.SESSION,
        ~exists().where(reversal.reverses == LedgerEntry.id),
    )
    return session.scalars(query).one_or_none()


def _posting(row: LedgerPosting) -> domain.Posting:
    money = domain.Money(row.amount, row.currency)
    return domain.Posting(domain.Account(row.account), money, row.client_id)
