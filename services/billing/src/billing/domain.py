"""What is due for a session, and the ledger entries that say so.

An entry is a set of postings whose amounts come to nothing in every currency: debits are
positive, credits negative. It is never edited; what was wrong is reversed (spec BL-1).
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from attune.booking.v1 import booking_pb2
from attune.common.v1 import types_pb2
from common.errors import Invalid

_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST = 2**63 - 1  # of a bigint; its negative fits, too


class InvalidMoney(Invalid):
    """Money is a number of minor units and a currency of three capital letters."""


class UnknownBillingType(Invalid):
    """It is not known whether this client is billed."""


class Unbalanced(Invalid):
    """The postings of an entry must come to nothing in every currency."""


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
    """Where money is, or where it came from."""

    RECEIVABLE = "receivable:client"
    REVENUE = "revenue"


class BillableKind(StrEnum):
    SESSION = "session"


class EntryKind(StrEnum):
    SESSION = "session"
    REVERSAL = "reversal"


@dataclass(frozen=True)
class Posting:
    """One side of an entry. A receivable names the client who owes it."""

    account: Account
    amount: Money
    client_id: UUID | None = None

    def __neg__(self) -> "Posting":
        return replace(self, amount=-self.amount)


@dataclass(frozen=True)
class Entry:
    """One change of the ledger. `reverses` is the entry that it takes back."""

    kind: EntryKind
    booking_id: UUID
    occurred_at: datetime
    postings: tuple[Posting, ...]
    reverses: UUID | None = None

    def __post_init__(self) -> None:
        if not self.postings or any(balance(self.postings).values()):
            raise Unbalanced


def balance(postings: tuple[Posting, ...]) -> dict[str, int]:
    """What the postings come to in each currency, in minor units."""
    total: Counter[str] = Counter()
    for posting in postings:
        total[posting.amount.currency] += posting.amount.minor_units
    return dict(total)


def amount_due(
    billing_type: "booking_pb2.BillingType.ValueType", price: types_pb2.Money
) -> Money | None:
    """What a client owes for a session at this price, or None if nothing (spec BL-3)."""
    match billing_type:
        case booking_pb2.BILLING_TYPE_NOT_BILLED:
            return None
        case booking_pb2.BILLING_TYPE_CASH | booking_pb2.BILLING_TYPE_INSURANCE:
            return _price(price)
        case _:
            raise UnknownBillingType


def _price(price: types_pb2.Money) -> Money | None:
    if price.minor_units < 0:
        raise InvalidMoney("A price cannot be negative")
    return Money(price.minor_units, price.currency_code) if price.minor_units else None


def entry_for(booking_id: UUID, client_id: UUID, due: Money, occurred_at: datetime) -> Entry:
    """The client owes for a session that was held (spec BL-1)."""
    return Entry(
        EntryKind.SESSION,
        booking_id,
        occurred_at,
        (Posting(Account.RECEIVABLE, due, client_id), Posting(Account.REVENUE, -due)),
    )


def reversal_of(entry_id: UUID, entry: Entry, occurred_at: datetime) -> Entry:
    """The entry that takes another one back (spec BL-1)."""
    return Entry(
        EntryKind.REVERSAL,
        entry.booking_id,
        occurred_at,
        tuple(-posting for posting in entry.postings),
        reverses=entry_id,
    )
