"""Billing on its own database, behind a real port."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import select

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingCompleted, BookingFact, SessionReopened
from attune.common.v1.types_pb2 import MODE_TELEHEALTH, Money
from attune_testing.clock import utc
from attune_testing.serving import serve
from attune_testing.stubs import BillingStub
from billing.events import handlers
from billing.servicer import servicers
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.messaging.nats import MESSAGE_ID
from common.messaging.outbox import outbox


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("billing")


@pytest.fixture(scope="session")
def billing(database: Database) -> Iterator[BillingStub]:
    with serve(servicers(database)) as served:
        yield BillingStub(served.channel())


@pytest.fixture
def practice() -> UUID:
    """A practice of the test's own."""
    return ids.new()


@pytest.fixture
def completed(practice: UUID) -> Callable[..., BookingCompleted]:
    """Make the event of an hour's session that took place."""

    def make(
        minor_units: int = 15000,
        currency: str = "USD",
        billing_type: "booking_pb2.BillingType.ValueType" = booking_pb2.BILLING_TYPE_CASH,
        start: str = "2026-03-02 15:00",
        client_id: UUID | None = None,
        provider_id: UUID | None = None,
        synthetic: bool = False,
    ) -> BookingCompleted:
        fact = BookingFact(
            booking_id=str(ids.new()),
            practice_id=str(practice),
            provider_id=str(provider_id or ids.new()),
            client_id=str(client_id or ids.new()),
            status=booking_pb2.BOOKING_STATUS_COMPLETED,
            mode=MODE_TELEHEALTH,
            version=3,
            price=Money(minor_units=minor_units, currency_code=currency),
            billing_type=billing_type,
            synthetic=synthetic,
        )
        fact.start_time.FromDatetime(utc(start))
        fact.end_time.FromSeconds(fact.start_time.seconds + 3600)
        return BookingCompleted(booking=fact)

    return make


@pytest.fixture
def deliver(database: Database) -> Callable[..., bool]:
    """Deliver an event as the consumer does, and return whether the message was new."""

    def handle(event: BookingCompleted | SessionReopened, message_id: str = "") -> bool:
        return handlers.handle(
            database,
            event.DESCRIPTOR.full_name,
            event.SerializeToString(),
            {MESSAGE_ID: message_id or str(ids.new())},
        )

    return handle


@pytest.fixture
def emitted(database: Database, practice: UUID) -> Callable[[], list[PaymentStatusChanged]]:
    """Read the events that billing has emitted about the practice."""

    def read() -> list[PaymentStatusChanged]:
        with database.transaction(EVERY_PRACTICE) as session:
            rows = session.scalars(select(outbox.c.payload).order_by(outbox.c.sequence))
            events = [PaymentStatusChanged.FromString(payload) for payload in rows]
        return [event for event in events if event.practice_id == str(practice)]

    return read
