"""The amount due for a session, and the ledger entries that record it.

An entry is a set of postings that sum to zero in every currency: debits are positive, credits
negative. An entry is never edited; a wrong one is reversed (spec BL-1).
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from common.errors import Invalid

_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST = 2**63 - 1  # of a bigint; its negative fits, too


class InvalidMoney(Invalid):
    """Must be an amount in minor units with a three-letter currency code."""


class UnknownBillingType(Invalid):
    """The billing type of this client is unknown."""


class Unbalanced(Invalid):
    """The postings of an entry must sum to zero in every currency."""


@dataclass(frozen=True)
class Money:
    """Minor units (cents) of an ISO 4217 currency."""

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        if abs(self.minor_units) > _MOST or not _CURRENCY.fullmatch(self.currency):
            raise InvalidMoney

    def __neg__(self) -> "Money":
        return replace(self, minor_units=-self.minor_units)


class Account(StrEnum):
    """An account of the ledger."""

    RECEIVABLE = "receivable:client"
    REVENUE = "revenue"


class BillableKind(StrEnum):
    SESSION = "session"


class EntryKind(StrEnum):
    SESSION = "session"
    REVERSAL = "reversal"


@dataclass(frozen=True)
class Posting:
    """One line of an entry. A receivable names the client who owes it."""

    account: Account
    amount: Money
    client_id: UUID | None = None

    def __neg__(self) -> "Posting":
        return replace(self, amount=-self.amount)


@dataclass(frozen=True)
class Entry:
    """One change of the ledger. `reverses` is the id of the entry that this one reverses."""

    kind: EntryKind
    booking_id: UUID
    occurred_at: datetime
    postings: tuple[Posting, ...]
    reverses: UUID | None = None

    def __post_init__(self) -> None:
        if not self.postings or any(balance(self.postings).values()):
            raise Unbalanced


def balance(postings: tuple[Posting, ...]) -> dict[str, int]:
    """Return the sum of the postings in each currency, in minor units."""
    total: Counter[str] = Counter()
    for posting in postings:
        total[posting.amount.currency] += posting.amount.minor_units
    return dict(total)


@dataclass(frozen=True)
class BookingVersion:
    """A booking as of one of its versions, which rise with each change."""

    booking_id: UUID
    practice_id: UUID
    client_id: UUID
    version: int


@dataclass(frozen=True)
class CompletedBooking(BookingVersion):
    """A session that took place, with the terms that are frozen on its booking."""

    provider_id: UUID
    start_at: datetime
    end_at: datetime
    billing_type: str
    price_minor_units: int
    price_currency: str
    synthetic: bool
    """Whether the practice exists only to test this Attune, where nobody owes anything."""

    def amount_due(self) -> Money | None:
        """Return the amount that the client owes, or None if nothing is due (spec BL-3).

        Raises UnknownBillingType or InvalidMoney.
        """
        if self.synthetic:
            return None
        return amount_due(self.billing_type, self.price_minor_units, self.price_currency)


def amount_due(billing_type: str, minor_units: int, currency: str) -> Money | None:
    """Return the amount that a client owes for a session at a price, or None for nothing."""
    match billing_type:
        case "not_billed":
            return None
        case "cash" | "insurance":
            return _price(minor_units, currency)
        case _:
            raise UnknownBillingType


def _price(minor_units: int, currency: str) -> Money | None:
    if minor_units < 0:
        raise InvalidMoney("A price can't be negative.")
    return Money(minor_units, currency) if minor_units else None


def entry_for(booking_id: UUID, client_id: UUID, due: Money, occurred_at: datetime) -> Entry:
    """Return the entry of a session that took place, which the client owes (spec BL-1)."""
    return Entry(
        EntryKind.SESSION,
        booking_id,
        occurred_at,
        (Posting(Account.RECEIVABLE, due, client_id), Posting(Account.REVENUE, -due)),
    )


def reversal_of(entry_id: UUID, entry: Entry, occurred_at: datetime) -> Entry:
    """Return the entry that reverses another one (spec BL-1)."""
    return Entry(
        EntryKind.REVERSAL,
        entry.booking_id,
        occurred_at,
        tuple(-posting for posting in entry.postings),
        reverses=entry_id,
    )
