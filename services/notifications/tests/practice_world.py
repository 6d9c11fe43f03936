"""The world of the delivery tests: a practice in the real booking, availability, and
telehealth-rooms, and the mail that arrives."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

from icalendar import Calendar
from sqlalchemy import select

from attune.availability.v1 import availability_pb2
from attune.availability.v1.hours_service_pb2 import ReplaceWeeklyHoursRequest
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.service_type_service_pb2 import CreateServiceTypeRequest
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.common.v1 import types_pb2
from attune.notifications.v1.events_pb2 import NoticeFailed
from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from attune_testing.identities import client, staff
from attune_testing.serving import Served, serve
from attune_testing.stubs import (
    AvailabilityStub,
    BookingStub,
    NotificationsStub,
    TelehealthRoomsStub,
)
from availability.adapters.booking import Occupancy
from availability.search.cache import Cache
from availability.servicer import servicers as availability_servicers
from booking.adapters.availability import Availability
from booking.servicer import servicers as booking_servicers
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.schedule import due
from common.jobs.worker import Worker
from common.messaging.nats import MESSAGE_ID
from common.messaging.outbox import outbox, practice_of
from common.rpc.identity import VISITOR, Identity, acting_as
from notifications.actions.delivery import Delivery
from notifications.adapters.availability import Providers
from notifications.adapters.booking import Bookings
from notifications.adapters.channel import Channel
from notifications.adapters.peers import Peers
from notifications.adapters.smtp import SmtpChannel
from notifications.adapters.telehealth_rooms import Rooms
from notifications.events import handlers
from notifications.jobs import jobs
from notifications.servicer import servicers
from notifications.store.tables import Notice
from telehealth_rooms.adapters.booking import Bookings as RoomsBookings
from telehealth_rooms.domain import Leeway
from telehealth_rooms.servicer import servicers as rooms_servicers

Taken = list[tuple[str, list[str], bytes]]
RunMailServer = Callable[..., AbstractContextManager[int]]
URL = "https://attune.example"


@dataclass(frozen=True)
class Services:
    """Booking, availability, and telehealth-rooms, for the test to call; `peers` are the same for
    notifications to ask."""

    bookings: BookingStub
    providers: AvailabilityStub
    rooms: TelehealthRoomsStub
    peers: Peers


@contextmanager
def running_services(make: Callable[[str], Database], clock: TestClock) -> Iterator[Services]:
    """Run booking, availability, and telehealth-rooms, each on its own port and database."""
    booking_at = Served(f"127.0.0.1:{free_port()}")
    with ExitStack() as stack:

        def ask(served: Served, issuer: str) -> Any:
            return stack.enter_context(served.channel(issuer))

        cache = Cache(make("availability"), Occupancy(ask(booking_at, "availability")), clock, 100)
        availability = stack.enter_context(
            serve(availability_servicers(make("availability"), cache, clock))
        )
        checks = Availability(ask(availability, "booking"))
        stack.enter_context(
            serve(
                booking_servicers(make("booking"), checks, clock),
                port=int(booking_at.address.rpartition(":")[2]),
            )
        )
        bookings = RoomsBookings(ask(booking_at, "telehealth-rooms"))
        rooms = stack.enter_context(
            serve(rooms_servicers(make("telehealth_rooms"), clock, bookings, Leeway()))
        )
        yield Services(
            BookingStub(ask(booking_at, "gateway")),
            AvailabilityStub(ask(availability, "gateway")),
            TelehealthRoomsStub(ask(rooms, "gateway")),
            Peers(
                Bookings(ask(booking_at, "notifications")),
                Providers(ask(availability, "notifications")),
                Rooms(ask(rooms, "notifications")),
            ),
        )


@dataclass
class World:
    """A practice with a provider who works on weekdays from 9 to 17 in New York, and a client in
    Berlin. `work` sends both the notices of what has happened."""

    clock: TestClock
    database: Database
    booking_database: Database
    services: Services
    url: str
    practice_id: str = ""
    username: str = ""

    def set_up(self, **policies: Any) -> None:
        """Create a new practice with these policies."""
        stub = self.services.providers
        self.username = f"p-{ids.new().hex[:10]}"
        with acting_as(Identity("service:operator")):
            self.practice_id = stub.CreatePractice(
                CreatePracticeRequest(
                    practice=availability_pb2.Practice(
                        name="Riverside Practice",
                        timezone="America/New_York",
                        currency_code="USD",
                        address="1 River Street",
                        policies=availability_pb2.Policies(**policies),
                    )
                )
            ).practice.practice_id
        with acting_as(Identity("service:operator", self.practice_id)):
            stub.CreateServiceType(CreateServiceTypeRequest(service_type=_service_type()))
            stub.CreateProvider(
                CreateProviderRequest(
                    provider=availability_pb2.Provider(
                        username=self.username,
                        display_name="Pat Provider",
                        timezone="America/New_York",
                        email=self.provider_email,
                    )
                )
            )
            blocks = [
                availability_pb2.WeeklyBlock(day=day, start="09:00", end="17:00")
                for day in range(5)
            ]
            stub.ReplaceWeeklyHours(
                ReplaceWeeklyHoursRequest(
                    username=self.username, hours=availability_pb2.WeeklyHours(blocks=blocks)
                )
            )

    @property
    def provider_email(self) -> str:
        return f"{self.username}@practice.example"

    @property
    def owner(self) -> Identity:
        return staff(self.practice_id)

    def book(
        self,
        start: str = "2026-03-03 15:00",
        mode: "types_pb2.Mode.ValueType" = types_pb2.MODE_TELEHEALTH,
    ) -> pb.Booking:
        """Book for a new client: at 10:00 in New York, 16:00 in Berlin."""
        request = rpc.CreateBookingRequest(
            username=self.username,
            service="trauma-therapy",
            mode=mode,
            contact=pb.ContactDetails(
                name="Dana Quillfeather",
                email=f"dana.{ids.new().hex[:10]}@client.example",
                phone="+12125550123",
                timezone="Europe/Berlin",
            ),
            note="I cannot sleep",
        )
        request.start_time.FromDatetime(utc(start))
        with acting_as(VISITOR):
            return self.services.bookings.CreateBooking(request).booking

    def cancel(self, booking: pb.Booking) -> None:
        """Cancel a booking as its client, by the manage link."""
        by_link = client(self.practice_id, booking.client.client_id, booking.booking_id)
        with acting_as(by_link):
            self.services.bookings.CancelBooking(
                rpc.CancelBookingRequest(booking_id=booking.booking_id)
            )

    def receive_events(self, again: bool = False) -> None:
        """Handle all events that booking has emitted; with `again`, under other message ids."""
        with self.booking_database.transaction(EVERY_PRACTICE) as session:
            rows = session.execute(select(outbox).order_by(outbox.c.sequence)).all()
        self.database.clock = self.clock
        for row in rows:
            known = handlers.by_subject.get(row.subject)
            if known and practice_of(known[0].FromString(row.payload)) == self.practice_id:
                message_id = str(ids.new()) if again else str(row.id)
                handlers.handle(self.database, row.subject, row.payload, {MESSAGE_ID: message_id})

    def delivery(self, channel: Channel, peers: Peers | None = None) -> Delivery:
        return Delivery(
            peers or self.services.peers, channel, self.clock, URL, "no-reply@attune.example"
        )

    def worker(self, channel: Channel | None = None, peers: Peers | None = None) -> Worker:
        delivery = self.delivery(channel or SmtpChannel(self.url), peers)
        return Worker(self.database, self.clock, jobs, delivery, poll=0.01)

    def work(self, **different: Any) -> None:
        """Handle all events, and do everything that is due now."""
        self.receive_events()
        self.worker(**different).work_all()

    def next_due(self) -> datetime | None:
        with self.database.transaction(EVERY_PRACTICE) as session:
            mine = select(due.c.due_at).where(due.c.practice_id == UUID(self.practice_id))
            return session.scalar(mine.order_by(due.c.due_at).limit(1))

    def notices(self) -> list[tuple[str, str, str]]:
        """Return kind, recipient, and state of all notices, in order."""
        return [(n.kind, n.recipient, n.state) for n in self.rows()]

    def rows(self) -> list[Notice]:
        with self.database.transaction(self.practice_id) as session:
            order = (Notice.version, Notice.recipient)
            return list(session.scalars(select(Notice).order_by(*order)))


def _service_type() -> availability_pb2.ServiceType:
    return availability_pb2.ServiceType(
        slug="trauma-therapy",
        title="Trauma therapy",
        duration_minutes=50,
        modes=[types_pb2.MODE_TELEHEALTH, types_pb2.MODE_IN_PERSON, types_pb2.MODE_PHONE],
        active=True,
        online=True,
        telehealth_enabled=True,
        price=types_pb2.Money(minor_units=15000, currency_code="USD"),
    )


def failures(world: World) -> list[NoticeFailed]:
    """Return the NoticeFailed events of the practice."""
    with world.database.transaction(EVERY_PRACTICE) as session:
        events = [NoticeFailed.FromString(p) for p in session.scalars(select(outbox.c.payload))]
    return [event for event in events if event.practice_id == world.practice_id]


@contextmanager
def served(world: World) -> Iterator[NotificationsStub]:
    """Serve the RPCs of notifications."""
    with serve(servicers(world.database, world.clock, mailbox=False)) as server:
        yield NotificationsStub(server.channel())


@dataclass(frozen=True)
class Mail:
    """One message that arrived."""

    message_id: str
    to: str
    subject: str
    text: str
    calendar: Any

    @property
    def event(self) -> Any:
        [event] = self.calendar.events
        return event


def mails(taken: Taken, to: str = "") -> list[Mail]:
    """Return the messages that the mail server took; with `to`, those to this address."""
    found = [message_from_bytes(content, policy=default) for _, _, content in taken]
    return [_mail(m) for m in found if isinstance(m, EmailMessage) and to in m["To"]]


def _mail(message: EmailMessage) -> Mail:
    invites = [p for p in message.walk() if p.get_content_type() == "text/calendar"]
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return Mail(
        message["Message-ID"],
        message["To"],
        message["Subject"],
        body.get_content().replace("\r\n", "\n"),
        Calendar.from_ical(invites[0].get_content()) if invites else None,
    )


def token_in(mail: Mail, page: str) -> str:
    """Return the token in the link to this page."""
    return mail.text.partition(f"{URL}/{page}/")[2].partition("\n")[0]
