"""Delivery, with the real booking, availability and telehealth-rooms, and a real mail server."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from icalendar import Calendar
from sqlalchemy import delete, select, text

from attune.availability.v1 import availability_pb2, availability_service_pb2
from attune.availability.v1.availability_service_pb2_grpc import (
    AvailabilityServiceStub,
    add_AvailabilityServiceServicer_to_server,
)
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.booking.v1.booking_service_pb2_grpc import (
    BookingServiceStub,
    add_BookingServiceServicer_to_server,
)
from attune.booking.v1.events_pb2 import BookingDeclined, BookingFact
from attune.common.v1 import types_pb2
from attune.notifications.v1.events_pb2 import NoticeFailed
from attune.notifications.v1.notifications_service_pb2 import ResendNoticeRequest
from attune.notifications.v1.notifications_service_pb2_grpc import (
    NotificationsServiceStub,
    add_NotificationsServiceServicer_to_server,
)
from attune.telehealth_rooms.v1.telehealth_rooms_service_pb2 import ResolveLinkRequest
from attune.telehealth_rooms.v1.telehealth_rooms_service_pb2_grpc import (
    TelehealthRoomsServiceStub,
    add_TelehealthRoomsServiceServicer_to_server,
)
from booking import work as booking_work
from booking.servicer import BookingServicer
from common import due, ids
from common.bus import MESSAGE_ID
from common.database import EVERY_PRACTICE, Database
from common.embedded import free_port
from common.identity import VISITOR, Identity, acting_as
from common.outbox import outbox
from common.testing import Served, TestClock, client, serve, staff, utc
from notifications import events
from notifications.channels import Channel, MailboxChannel, SmtpChannel
from notifications.servicer import NotificationsServicer
from notifications.store import DevelopmentMessage, Notice
from notifications.work import DELIVER, Delivery, Peers
from telehealth_rooms.domain import Leeway
from telehealth_rooms.servicer import TelehealthRoomsServicer

Taken = list[tuple[str, list[str], bytes]]
RunMailServer = Callable[..., AbstractContextManager[int]]
URL = "https://attune.example"
MONDAY = utc("2026-03-02 12:00")  # 07:00 in New York


@pytest.fixture
def clock() -> TestClock:
    return TestClock(MONDAY)


@dataclass
class World:
    """A practice with a provider who works on weekdays from 9 to 17 in New York, and a client in
    Berlin; both hear of what happens when `work` is called."""

    clock: TestClock
    database: Database
    booking_database: Database
    peers: Peers
    url: str
    practice_id: str = ""
    username: str = field(default_factory=lambda: f"p-{ids.new().hex[:10]}")
    seen: set[str] = field(default_factory=set)

    def set_up(self, **policies: Any) -> None:
        stub = self.peers.availability
        with acting_as(Identity("service:operator")):
            self.practice_id = stub.CreatePractice(
                availability_service_pb2.CreatePracticeRequest(
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
            stub.CreateServiceType(
                availability_service_pb2.CreateServiceTypeRequest(service_type=_service_type())
            )
            stub.CreateProvider(
                availability_service_pb2.CreateProviderRequest(
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
                availability_service_pb2.ReplaceWeeklyHoursRequest(
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
        """A booking by a client of its own: 10:00 in New York, 16:00 in Berlin."""
        request = rpc.CreateBookingRequest(
            username=self.username,
            service="trauma-therapy",
            mode=mode,
            client=pb.Client(
                name="Dana Quillfeather",
                email=f"dana.{ids.new().hex[:10]}@client.example",
                phone="+12125550123",
                timezone="Europe/Berlin",
            ),
            note="I cannot sleep",
        )
        request.start_time.FromDatetime(utc(start))
        with acting_as(VISITOR):
            return self.peers.bookings.CreateBooking(request).booking

    def cancel(self, booking: pb.Booking) -> None:
        """As the client, by the manage link."""
        by_link = client(self.practice_id, booking.client.client_id, booking.booking_id)
        with acting_as(by_link):
            self.peers.bookings.CancelBooking(rpc.CancelBookingRequest(booking_id=booking.booking_id))

    def hear(self, again: bool = False) -> None:
        """What booking told since, or ever, reaches notifications."""
        with self.booking_database.transaction(EVERY_PRACTICE) as session:
            rows = session.execute(select(outbox).order_by(outbox.c.sequence)).all()
        for row in rows:
            handlers = events.handlers(self.clock)
            if row.subject not in handlers.by_subject or (str(row.id) in self.seen and not again):
                continue
            handler = handlers.by_subject[row.subject][0].FromString(row.payload)
            if handler.booking.practice_id == self.practice_id:
                message_id = str(ids.new()) if again else str(row.id)
                headers = {MESSAGE_ID: message_id}
                handlers.handle(self.database, row.subject, row.payload, headers)
                self.seen.add(str(row.id))

    def worker(self, channel: Channel | None = None, peers: Peers | None = None) -> due.Worker:
        delivery = Delivery(
            peers or self.peers, channel or SmtpChannel(self.url), URL, "no-reply@attune.example"
        )
        return due.Worker(self.database, self.clock, {DELIVER: delivery.deliver}, poll=0.01)

    def work(self, **different: Any) -> None:
        """Everything that is due now."""
        self.hear()
        self.worker(**different).work_all()

    def next_due(self) -> datetime | None:
        with self.database.transaction(EVERY_PRACTICE) as session:
            mine = select(due.due.c.due_at).where(due.due.c.practice_id == UUID(self.practice_id))
            return session.scalar(mine.order_by(due.due.c.due_at).limit(1))

    def notices(self) -> list[tuple[str, str, str]]:
        """Kind, recipient and state, in their order."""
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


@pytest.fixture
def port() -> int:
    """Where the mail server is, when it runs."""
    return free_port()


@pytest.fixture
def world(
    make_test_database: Callable[[str], Database],
    database: Database,
    clock: TestClock,
    port: int,
) -> Iterator[World]:
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(delete(due.due))  # what other tests left behind
    with ExitStack() as stack:
        availability = _serve_availability(stack, make_test_database("availability"), clock)
        bookings = make_test_database("booking")
        to_availability = AvailabilityServiceStub(availability.channel("booking"))
        booking = stack.enter_context(
            serve(
                add_BookingServiceServicer_to_server,
                BookingServicer(bookings, to_availability, clock),
            )
        )
        to_booking = BookingServiceStub(booking.channel("telehealth-rooms"))
        rooms = stack.enter_context(
            serve(
                add_TelehealthRoomsServiceServicer_to_server,
                TelehealthRoomsServicer(
                    make_test_database("telehealth_rooms"), clock, to_booking, Leeway()
                ),
            )
        )
        peers = Peers(
            BookingServiceStub(booking.channel()),
            AvailabilityServiceStub(availability.channel()),
            TelehealthRoomsServiceStub(rooms.channel()),
        )
        made = World(clock, database, bookings, peers, f"smtp://127.0.0.1:{port}")
        made.set_up()
        yield made


def away(peers: Peers, name: str) -> Peers:
    """The peers with one of them out of reach."""
    channel = Served(f"127.0.0.1:{free_port()}").channel()
    stubs: dict[str, Any] = {
        "bookings": BookingServiceStub,
        "availability": AvailabilityServiceStub,
        "rooms": TelehealthRoomsServiceStub,
    }
    return Peers(**{**vars(peers), name: stubs[name](channel)})


@dataclass(frozen=True)
class Mail:
    """What arrived."""

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
    """What the mail server took, for everybody or one."""
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
    """The token of the link to this page."""
    return mail.text.partition(f"{URL}/{page}/")[2].partition("\n")[0]


@pytest.mark.req("NT-1", "NT-2", "BK-1", "RM-1")
def test_a_booking_is_told_to_both_sides_with_links_that_work(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book()
    with run_mail_server(port):
        world.work()
    assert len(taken) == 2
    [to_client], [to_provider] = (
        mails(taken, address) for address in (booking.client.email, world.provider_email)
    )
    assert "Where: By video\n" in to_client.text
    assert "16:00\N{EN DASH}16:50 (Central European Time, GMT+1)" in to_client.text
    assert "10:00\N{EN DASH}10:50 (Eastern Time, GMT-5)" in to_provider.text
    assert "Client: Dana Quillfeather\n" in to_provider.text
    assert token_in(to_provider, "console/bookings") == booking.booking_id
    assert to_client.event["UID"] == to_provider.event["UID"]
    assert to_client.event["DTSTART"].dt == utc("2026-03-03 15:00")
    with acting_as(VISITOR):
        managed = world.peers.bookings.ResolveManageToken(
            rpc.ResolveManageTokenRequest(manage_token=token_in(to_client, "manage"))
        )
        sides = [
            world.peers.rooms.ResolveLink(ResolveLinkRequest(token=token_in(mail, "join"))).side
            for mail in (to_provider, to_client)
        ]
    assert managed.booking_id == booking.booking_id
    assert sides == [1, 2]


@pytest.mark.req("NT-2")
def test_in_person_the_mail_names_the_address(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book(mode=types_pb2.MODE_IN_PERSON)
    with run_mail_server(port):
        world.work()
    [mail] = mails(taken, booking.client.email)
    assert "Where: 1 River Street\n" in mail.text
    assert mail.event["LOCATION"] == "1 River Street"


@pytest.mark.req("NT-1", "NT-2", "CN-5")
def test_a_cancellation_by_the_client_withdraws_both_invites(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book()
    with run_mail_server(port):
        world.work()
        world.cancel(booking)
        world.work()
    for address in (booking.client.email, world.provider_email):
        before, after = mails(taken, address)
        assert (before.calendar["METHOD"], after.calendar["METHOD"]) == ("REQUEST", "CANCEL")
        assert before.event["UID"] == after.event["UID"]
        assert before.event["SEQUENCE"] < after.event["SEQUENCE"]
        assert after.subject.startswith("Cancelled: ")


@pytest.mark.req("NT-1", "CN-1")
@pytest.mark.parametrize(("tell", "kinds"), [(True, ["booking_cancelled"]), (False, [])])
def test_staff_choose_whether_the_client_hears_of_their_cancellation(
    world: World,
    taken: Taken,
    run_mail_server: RunMailServer,
    port: int,
    tell: bool,
    kinds: list[str],
) -> None:
    booking = world.book()
    with run_mail_server(port):
        world.work()
        taken.clear()
        with acting_as(world.owner):
            world.peers.bookings.CancelBooking(
                rpc.CancelBookingRequest(
                    booking_id=booking.booking_id,
                    reason=pb.CANCELLATION_REASON_PROVIDER_ILL,
                    reason_text="Too ill to sit up",
                    tell_client=tell,
                )
            )
        world.work()
    assert [n.kind for n in world.rows()[2:]] == kinds
    assert [mail.to for mail in mails(taken)] == [booking.client.email] * len(kinds)
    assert "ill" not in "".join(mail.text for mail in mails(taken)).split()


@pytest.mark.req("NT-1", "BK-10")
def test_a_request_is_told_and_so_is_its_approval_in_this_order_though_the_server_was_down(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.set_up_again(confirmation=availability_pb2.CONFIRMATION_APPROVAL)
    booking = world.book()
    world.work()
    with acting_as(world.owner):
        world.peers.bookings.ConfirmBooking(
            rpc.ConfirmBookingRequest(booking_id=booking.booking_id)
        )
    with run_mail_server(port):
        world.work()
        world.clock.advance(timedelta(seconds=1))
        world.work()
    received, confirmed = mails(taken, booking.client.email)
    assert received.subject.startswith("Request received: ")
    assert received.calendar is None
    assert confirmed.subject.startswith("Your appointment on ")
    assert confirmed.calendar["METHOD"] == "REQUEST"
    [request] = mails(taken, world.provider_email)
    assert request.subject.startswith("New request: ")
    assert request.calendar is None
