"""Sessions that took place: billables, ledger entries, and events."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingCompleted
from attune_testing.clock import utc
from billing import domain
from billing.domain import Account, Money, Posting
from billing.events import handlers
from billing.store.ledger import entry
from billing.store.tables import Billable, LedgerEntry
from common import ids
from common.db.database import Database

Completed = Callable[..., BookingCompleted]
Deliver = Callable[..., bool]
Emitted = Callable[[], list[PaymentStatusChanged]]
DUE = booking_pb2.PAYMENT_STATUS_DUE
NOT_BILLED = booking_pb2.PAYMENT_STATUS_NOT_BILLED


def status(
    practice: UUID,
    event: BookingCompleted,
    payment_status: "booking_pb2.PaymentStatus.ValueType",
) -> PaymentStatusChanged:
    return PaymentStatusChanged(
        practice_id=str(practice),
        booking_id=event.booking.booking_id,
        payment_status=payment_status,
        version=2,
    )


def ledger(database: Database, practice: UUID) -> list[domain.Entry]:
    with database.transaction(practice) as session:
        found = session.scalars(select(LedgerEntry.id)).all()
        return [entry(session, entry_id) for entry_id in found]


def billed(database: Database, practice: UUID) -> list[tuple[object, ...]]:
    with database.transaction(practice) as session:
        return [
            (
                *(str(b.booking_id), str(b.client_id), str(b.provider_id)),
                *(b.kind, b.amount, b.currency, b.service_at),
            )
            for b in session.scalars(select(Billable))
        ]


@pytest.mark.req("BL-1", "BL-3", "BL-4", "BL-8")
@pytest.mark.parametrize(
    "billing_type", [booking_pb2.BILLING_TYPE_CASH, booking_pb2.BILLING_TYPE_INSURANCE]
)
def test_a_session_that_was_held_is_billable_and_owed(
    database: Database,
    practice: UUID,
    completed: Completed,
    deliver: Deliver,
    emitted: Emitted,
    billing_type: "booking_pb2.BillingType.ValueType",
) -> None:
    event = completed(12550, "EUR", billing_type)
    deliver(event)
    fact, client = event.booking, ids.find(event.booking.client_id)
    assert billed(database, practice) == [
        (
            *(fact.booking_id, fact.client_id, fact.provider_id),
            *("session", 12550, "EUR", utc("2026-03-02 15:00")),
        )
    ]
    assert ledger(database, practice) == [
        domain.Entry(
            domain.EntryKind.SESSION,
            ids.find(fact.booking_id),
            utc("2026-03-02 16:00"),
            (
                Posting(Account.RECEIVABLE, Money(12550, "EUR"), client),
                Posting(Account.REVENUE, Money(-12550, "EUR")),
            ),
        )
    ]
    assert emitted() == [status(practice, event, DUE)]


@pytest.mark.req("BL-3", "BL-8", "PF-14")
@pytest.mark.parametrize(
    ("minor_units", "billing_type", "synthetic"),
    [
        (15000, booking_pb2.BILLING_TYPE_NOT_BILLED, False),
        (0, booking_pb2.BILLING_TYPE_CASH, False),
        (15000, booking_pb2.BILLING_TYPE_CASH, True),
    ],
)
def test_where_nothing_is_due_the_booking_is_told_and_nothing_else_happens(
    database: Database,
    practice: UUID,
    completed: Completed,
    deliver: Deliver,
    emitted: Emitted,
    minor_units: int,
    billing_type: "booking_pb2.BillingType.ValueType",
    synthetic: bool,
) -> None:
    event = completed(minor_units, billing_type=billing_type, synthetic=synthetic)
    deliver(event)
    assert emitted() == [status(practice, event, NOT_BILLED)]
    assert billed(database, practice) == []
    assert ledger(database, practice) == []


@pytest.mark.req("BL-1", "PF-2")
def test_an_event_that_comes_twice_bills_once(
    database: Database,
    practice: UUID,
    completed: Completed,
    deliver: Deliver,
    emitted: Emitted,
) -> None:
    event = completed()
    assert deliver(event, f"once-{practice}")
    assert not deliver(event, f"once-{practice}")
    assert len(billed(database, practice)) == len(ledger(database, practice)) == len(emitted()) == 1


@pytest.mark.req("BL-1", "PF-2")
def test_a_booking_that_is_told_of_by_many_messages_at_once_is_billed_once(
    database: Database,
    practice: UUID,
    completed: Completed,
    deliver: Deliver,
    emitted: Emitted,
) -> None:
    event = completed()
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda _: deliver(event), range(24)))
    assert len(billed(database, practice)) == len(ledger(database, practice)) == 1
    assert emitted() == [status(practice, event, DUE)]


@pytest.mark.req("PF-2")
@pytest.mark.parametrize(
    ("minor_units", "currency"), [(-1, "USD"), (15000, "dollars"), (15000, "")]
)
def test_what_makes_no_sense_leaves_nothing_behind(
    database: Database,
    practice: UUID,
    completed: Completed,
    deliver: Deliver,
    emitted: Emitted,
    minor_units: int,
    currency: str,
) -> None:
    event = completed(minor_units, currency)
    with pytest.raises(domain.InvalidMoney):
        deliver(event)
    assert (billed(database, practice), ledger(database, practice), emitted()) == ([], [], [])


@pytest.mark.req("BL-4")
def test_only_completed_and_reopened_sessions_are_of_interest() -> None:
    assert list(handlers.by_subject) == [
        "attune.booking.v1.BookingCompleted",
        "attune.booking.v1.SessionReopened",
    ]
