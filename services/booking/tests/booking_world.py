"""Helpers of booking's tests: terms as availability returns them, clients, and queries of the
database."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import select
from sqlalchemy.orm import Session

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_ALLOWED,
    CONFIRMATION_APPROVAL,
    CONFIRMATION_INSTANT,
    ClientCancellation,
    Policies,
    ServiceType,
)
from attune.availability.v1.availability_pb2 import Resource as ResourceMessage
from attune.availability.v1.availability_pb2 import Terms as TermsMessage
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1.types_pb2 import MODE_IN_PERSON, Fee, ModeAmount, Money
from attune_testing.clock import TestClock, utc
from attune_testing.stubs import AvailabilityStub, BookingStub
from booking import messages
from booking.actions import holds
from booking.actions.bookings import BookingForm, book_online
from booking.adapters import availability
from booking.domain.contacts import contact
from booking.domain.occupancy import Resource
from booking.domain.terms import Terms
from booking.jobs import jobs
from booking.store.tables import Booking, Hold, Occupancy
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.worker import Worker
from common.messaging.outbox import outbox, practice_of

NOW = utc("2026-11-01 08:00")
NINE = utc("2026-11-02 14:00")
"""Nine in the morning in New York."""
_numbers = count(1_000_000)  # far from those that availability gives out in the same run
_people = count(1)

EventType = TypeVar("EventType", bound=Message)


@dataclass(frozen=True)
class OpenSlot:
    """A start, and the terms that hold for it."""

    terms: Terms
    start: datetime

    @property
    def practice_id(self) -> UUID:
        return self.terms.practice_id


@dataclass(frozen=True)
class Running:
    """The service on a real port, with a clock that the test sets."""

    database: Database
    clock: TestClock
    rpc: BookingStub

    def book(self, where: OpenSlot, typed: BookingForm | None = None) -> booking_pb2.Booking:
        """Book a slot now."""
        return book(self.database, where, typed or form(), self.clock.now())

    def hold(self, where: OpenSlot, visitor_id: str) -> booking_pb2.Hold:
        """Hold a slot now."""
        return hold(self.database, where, visitor_id, self.clock.now())

    def work(self) -> None:
        """Do all that is due, in every practice."""
        Worker(self.database, self.clock, jobs).work_all()


def resource() -> Resource:
    """Return a provider or a room that was never taken."""
    return Resource(next(_numbers), ids.new())


@dataclass(frozen=True)
class Both(Running):
    """Booking and availability, each on a real port."""

    availability: AvailabilityStub


def book(
    database: Database, where: OpenSlot, typed: BookingForm, now: datetime = NOW
) -> booking_pb2.Booking:
    """Book as `CreateBooking` does, under terms that the test chooses."""

    def act(session: Session) -> Booking:
        return book_online(session, where.terms, where.start, typed, now)

    row = holds.clearing_expired(database, where.practice_id, act)
    return messages.booking(row, messages.Viewer.BOOKER, now)


def hold(
    database: Database, where: OpenSlot, visitor_id: str = "visitor-1", now: datetime = NOW
) -> booking_pb2.Hold:
    """Hold as `CreateHold` does, under terms that the test chooses."""

    def act(session: Session) -> tuple[Hold, int]:
        return holds.create(session, where.terms, where.start, visitor_id, now)

    row, revision = holds.clearing_expired(database, where.practice_id, act)
    return messages.hold(row, where.start, where.start + where.terms.duration, revision)


def terms(
    practice_id: UUID,
    provider: Resource,
    *rooms: Resource,
    approval: bool = False,
    cancellation: ClientCancellation.ValueType = CLIENT_CANCELLATION_ALLOWED,
    buffer_before: int = 0,
    buffer_after: int = 0,
    title: str = "Therapy session",
    synthetic: bool = False,
) -> Terms:
    """Return the terms of a session of 50 minutes; with rooms it is in person."""
    fee = Fee(
        amount=Money(minor_units=5000, currency_code="USD"),
        by_mode=[
            ModeAmount(mode=MODE_IN_PERSON, amount=Money(minor_units=8000, currency_code="USD"))
        ],
    )
    message = TermsMessage(
        practice_id=str(practice_id),
        provider_id=str(provider.id),
        provider_timezone="America/New_York",
        service_type=ServiceType(
            service_type_id=str(ids.new()),
            slug="therapy-session",
            title=title,
            code="90834",
            duration_minutes=50,
            buffer_before_minutes=buffer_before,
            buffer_after_minutes=buffer_after,
            price=Money(minor_units=15000, currency_code="USD"),
            no_show_fee=fee,
        ),
        policies=Policies(
            confirmation=CONFIRMATION_APPROVAL if approval else CONFIRMATION_INSTANT,
            client_cancellation=cancellation,
            late_cancellation_minutes=1440,
            hold_minutes=5,
        ),
        resources=[ResourceMessage(number=r.number, id=str(r.id)) for r in (provider, *rooms)],
        address="1 Elm Street" if rooms else "",
        synthetic=synthetic,
    )
    return availability.terms("ada", "in_person" if rooms else "telehealth", message)


def slot(held: Terms, start: datetime = NINE) -> OpenSlot:
    """Return a slot under these terms."""
    return OpenSlot(held, start)


def form(
    email: str = "",
    name: str = "Mara Quill",
    phone: str = "",
    timezone: str = "Europe/Berlin",
    note: str = "",
    hold_id: UUID | None = None,
    visitor_id: str = "",
) -> BookingForm:
    """Return what a client enters, with an email of their own."""
    email = email or f"client-{next(_people)}@clinic.example"
    return BookingForm(contact(name, email, phone, timezone, "en-US"), note, hold_id, visitor_id)


def events(database: Database, kind: type[EventType], practice_id: object) -> list[EventType]:
    """Return the events of one kind that will be published for a practice, in order."""
    with database.transaction(EVERY_PRACTICE) as session:
        payloads = session.scalars(
            select(outbox.c.payload)
            .where(outbox.c.subject == kind.DESCRIPTOR.full_name)
            .order_by(outbox.c.sequence)
        ).all()
    return [e for e in map(kind.FromString, payloads) if practice_of(e) == str(practice_id)]


def taken_events(database: Database, of: Resource) -> list[TakenTimeChanged]:
    """Return the events that will be published about a resource, in order."""
    with database.transaction(EVERY_PRACTICE) as session:
        payloads = session.scalars(
            select(outbox.c.payload)
            .where(outbox.c.subject == TakenTimeChanged.DESCRIPTOR.full_name)
            .order_by(outbox.c.sequence)
        ).all()
    return [e for e in map(TakenTimeChanged.FromString, payloads) if e.resource_number == of.number]


def refs(database: Database, of: Resource) -> list[UUID]:
    """Return the ids of the bookings and holds that take a resource, by start."""
    with database.transaction(EVERY_PRACTICE) as session:
        query = select(Occupancy.ref).where(Occupancy.resource == of.number)
        return list(session.scalars(query.order_by(Occupancy.start_at)))
