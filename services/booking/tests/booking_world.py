"""What the tests of booking share: terms as availability gives them, people, and looks into the
database."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import select

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_ALLOWED,
    CONFIRMATION_APPROVAL,
    CONFIRMATION_INSTANT,
    ClientCancellation,
    Policies,
    ServiceType,
    Terms,
)
from attune.availability.v1.availability_pb2 import Resource as ResourceMessage
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_TELEHEALTH, Fee, ModeAmount, Money
from attune_testing.fixtures import TestClock, utc
from attune_testing.stubs import AvailabilityStub, BookingStub
from booking import making
from booking.domain.contacts import Contact
from booking.domain.taking import Resource
from booking.jobs import jobs
from booking.making import Details, Place
from booking.store.tables import Occupancy
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.worker import Worker
from common.messaging.consumer import practice_of
from common.messaging.outbox import outbox

NOW = utc("2026-11-01 08:00")
NINE = utc("2026-11-02 14:00")
"""Nine in the morning in New York."""
_numbers = count(1_000_000)  # far from those that availability gives out in the same run
_people = count(1)

EventType = TypeVar("EventType", bound=Message)


@dataclass(frozen=True)
class Running:
    """The service on a real port, at a time that the test sets."""

    database: Database
    clock: TestClock
    rpc: BookingStub

    def book(self, where: Place, typed: Details | None = None) -> booking_pb2.Booking:
        """A booking made now."""
        return book(self.database, where, typed or details(), self.clock.now())

    def hold(self, where: Place, visitor_id: str) -> booking_pb2.Hold:
        """A hold made now."""
        return hold(self.database, where, visitor_id, self.clock.now())

    def work(self) -> None:
        """Do all that is due, in every practice."""
        Worker(self.database, self.clock, jobs).work_all()


def resource() -> Resource:
    """A provider or a room that nobody has taken yet."""
    return Resource(next(_numbers), ids.new())


@dataclass(frozen=True)
class Both(Running):
    """Booking and availability, each on a real port."""

    availability: AvailabilityStub


def book(
    database: Database, where: Place, typed: Details, now: datetime = NOW
) -> booking_pb2.Booking:
    """Book as `CreateBooking` does, under terms that the test chooses."""
    return making.attempt(
        database, where.practice_id, lambda session: making.book(session, where, typed, now)
    )


def hold(
    database: Database, where: Place, visitor_id: str = "visitor-1", now: datetime = NOW
) -> booking_pb2.Hold:
    """Hold as `CreateHold` does, under terms that the test chooses."""
    return making.attempt(
        database, where.practice_id, lambda session: making.hold(session, where, visitor_id, now)
    )


def terms(
    practice_id: UUID,
    provider: Resource,
    *rooms: Resource,
    approval: bool = False,
    cancellation: ClientCancellation.ValueType = CLIENT_CANCELLATION_ALLOWED,
    buffer_before: int = 0,
    buffer_after: int = 0,
    title: str = "Therapy session",
) -> Terms:
    """What availability says holds for a session of 50 minutes."""
    fee = Fee(
        amount=Money(minor_units=5000, currency_code="USD"),
        by_mode=[
            ModeAmount(mode=MODE_IN_PERSON, amount=Money(minor_units=8000, currency_code="USD"))
        ],
    )
    return Terms(
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
    )


def place(held: Terms, start: datetime = NINE) -> Place:
    """A start under these terms."""
    mode = MODE_IN_PERSON if held.address else MODE_TELEHEALTH
    return Place("ada", mode, start, held)


def details(
    email: str = "",
    name: str = "Mara Quill",
    phone: str = "",
    timezone: str = "Europe/Berlin",
    note: str = "",
    hold_id: UUID | None = None,
    visitor_id: str = "",
) -> Details:
    """What a client types, with an e-mail of their own."""
    email = email or f"client-{next(_people)}@clinic.example"
    return Details(Contact(name, email, phone, timezone), note, hold_id, visitor_id)


def events(database: Database, kind: type[EventType], practice_id: object) -> list[EventType]:
    """What will be published for a practice of one kind, in order."""
    with database.transaction(EVERY_PRACTICE) as session:
        payloads = session.scalars(
            select(outbox.c.payload)
            .where(outbox.c.subject == kind.DESCRIPTOR.full_name)
            .order_by(outbox.c.sequence)
        ).all()
    return [e for e in map(kind.FromString, payloads) if practice_of(e) == str(practice_id)]


def taken_events(database: Database, of: Resource) -> list[TakenTimeChanged]:
    """What will be published of a resource, in order."""
    with database.transaction(EVERY_PRACTICE) as session:
        payloads = session.scalars(
            select(outbox.c.payload)
            .where(outbox.c.subject == TakenTimeChanged.DESCRIPTOR.full_name)
            .order_by(outbox.c.sequence)
        ).all()
    return [e for e in map(TakenTimeChanged.FromString, payloads) if e.resource_number == of.number]


def refs(database: Database, of: Resource) -> list[UUID]:
    """What takes a resource, by start."""
    with database.transaction(EVERY_PRACTICE) as session:
        query = select(Occupancy.ref).where(Occupancy.resource == of.number)
        return list(session.scalars(query.order_by(Occupancy.start_at)))


def at_once(work: Sequence[Callable[[], object]]) -> list[object]:
    """Run all of it at the same moment; a failure is a result."""
    gate = threading.Barrier(len(work))

    def run(piece: Callable[[], object]) -> object:
        gate.wait()
        try:
            return piece()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))
