"""Delivery, with the real booking, availability and telehealth-rooms, and a real mail server."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, event, select, text
from sqlalchemy.orm import Session

from attune.availability.v1 import availability_pb2
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.booking.v1.events_pb2 import BookingDeclined, BookingFact
from attune.common.v1 import types_pb2
from attune.notifications.v1.notice_service_pb2 import ResendNoticeRequest
from attune.telehealth_rooms.v1.room_service_pb2 import ResolveLinkRequest
from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from attune_testing.serving import Served
from attune_testing.waiting import until
from booking.jobs import jobs as booking_jobs
from common import ids
from common.audit import Entry
from common.db.database import EVERY_PRACTICE, Database
from common.jobs.jobs import LEASE, Job, JobContext
from common.jobs.schedule import cancel, due, schedule
from common.jobs.worker import Worker
from common.messaging.nats import MESSAGE_ID
from common.rpc.identity import VISITOR, acting_as
from notifications.actions.delivery import Delivery
from notifications.actions.queueing import DELIVER
from notifications.adapters.availability import Providers
from notifications.adapters.booking import Bookings
from notifications.adapters.channel import Channel, MailServerUnavailable
from notifications.adapters.mailbox import MailboxChannel
from notifications.adapters.peers import Peers
from notifications.adapters.smtp import SmtpChannel
from notifications.adapters.telehealth_rooms import Rooms
from notifications.events import handlers
from notifications.jobs import deliver
from notifications.store.tables import DevelopmentMessage, Notice
from services.notifications.tests.practice_world import (
    URL,
    RunMailServer,
    Taken,
    World,
    failures,
    mails,
    running_services,
    served,
    token_in,
)

MONDAY = utc("2026-03-02 12:00")  # 07:00 in New York


@pytest.fixture
def clock() -> TestClock:
    return TestClock(MONDAY)


@pytest.fixture
def port() -> int:
    """The port of the mail server, when it runs."""
    return free_port()


@pytest.fixture
def world(
    make_test_database: Callable[[str], Database],
    database: Database,
    clock: TestClock,
    port: int,
) -> Iterator[World]:
    database.clock = clock
    with database.transaction(EVERY_PRACTICE) as session:
        session.execute(delete(due))  # what other tests left behind
    with running_services(make_test_database, clock) as services:
        bookings = make_test_database("booking")
        made = World(clock, database, bookings, services, f"smtp://127.0.0.1:{port}")
        made.set_up()
        yield made


def away(peers: Peers, name: str) -> Peers:
    """Return the peers with one of them out of reach."""
    channel = Served(f"127.0.0.1:{free_port()}").channel()
    adapters: dict[str, Any] = {"bookings": Bookings, "providers": Providers, "rooms": Rooms}
    return Peers(**{**vars(peers), name: adapters[name](channel)})


@pytest.mark.req("NT-1", "NT-2", "BK-1", "RM-1")
def test_a_booking_is_told_to_both_sides_with_links_that_work(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book()
    with run_mail_server(port):
        world.work()
    assert len(taken) == 2
    [to_client], [to_provider] = (
        mails(taken, address) for address in (booking.contact.email, world.provider_email)
    )
    assert "Where: Video call\n" in to_client.text
    assert "4:00 PM \N{EN DASH} 4:50 PM (Central European Time, UTC+1)" in to_client.text
    assert "10:00 AM \N{EN DASH} 10:50 AM (Eastern Time, UTC\N{MINUS SIGN}5)" in to_provider.text
    assert "Client: Dana Quillfeather\n" in to_provider.text
    assert token_in(to_provider, "console/bookings") == booking.booking_id
    assert to_client.event["UID"] == to_provider.event["UID"]
    assert to_client.event["DTSTART"].dt == utc("2026-03-03 15:00")
    with acting_as(VISITOR):
        managed = world.services.bookings.ResolveManageToken(
            rpc.ResolveManageTokenRequest(manage_token=token_in(to_client, "manage"))
        )
        sides = [
            world.services.rooms.ResolveLink(ResolveLinkRequest(token=token_in(mail, "join"))).side
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
    [mail] = mails(taken, booking.contact.email)
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
    for address in (booking.contact.email, world.provider_email):
        before, after = mails(taken, address)
        assert (before.calendar["METHOD"], after.calendar["METHOD"]) == ("REQUEST", "CANCEL")
        assert before.event["UID"] == after.event["UID"]
        assert before.event["SEQUENCE"] < after.event["SEQUENCE"]
        assert after.subject.startswith("Canceled")


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
            world.services.bookings.CancelBooking(
                rpc.CancelBookingRequest(
                    booking_id=booking.booking_id,
                    reason=pb.CANCELLATION_REASON_PROVIDER_ILL,
                    reason_text="Too ill to sit up",
                    tell_client=tell,
                )
            )
        world.work()
    assert [n.kind for n in world.rows()[2:]] == kinds
    assert [mail.to for mail in mails(taken)] == [booking.contact.email] * len(kinds)
    assert "ill" not in "".join(mail.text for mail in mails(taken)).split()


@pytest.mark.req("NT-1", "BK-10")
def test_a_request_is_told_and_so_is_its_approval_in_this_order_though_the_server_was_down(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.set_up(confirmation=availability_pb2.CONFIRMATION_APPROVAL)
    booking = world.book()
    world.work()
    with acting_as(world.owner):
        world.services.bookings.ConfirmBooking(
            rpc.ConfirmBookingRequest(booking_id=booking.booking_id)
        )
    with run_mail_server(port):
        world.work()
        world.clock.advance(timedelta(seconds=1))
        world.work()
    received, confirmed = mails(taken, booking.contact.email)
    assert received.subject.startswith("Request received: ")
    assert received.calendar is None
    assert confirmed.subject.startswith("Confirmed: ")
    assert confirmed.calendar["METHOD"] == "REQUEST"
    [request] = mails(taken, world.provider_email)
    assert request.subject.startswith("New request: ")
    assert request.calendar is None


@pytest.mark.req("NT-1", "BK-10")
def test_a_declined_request_is_told_to_the_client_without_the_reason(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.set_up(confirmation=availability_pb2.CONFIRMATION_APPROVAL)
    booking = world.book()
    with run_mail_server(port):
        world.work()
        with acting_as(world.owner):
            world.services.bookings.DeclineBooking(
                rpc.DeclineBookingRequest(
                    booking_id=booking.booking_id, reason_text="We treat no insomnia"
                )
            )
        world.work()
    _, declined = mails(taken, booking.contact.email)
    assert "Your request was declined" in declined.text
    assert "insomnia" not in declined.text
    assert f"{URL}/book/{world.username}" in declined.text
    assert declined.calendar is None


@pytest.mark.req("NT-1")
def test_a_request_that_nobody_answered_is_told_to_the_client(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.set_up(confirmation=availability_pb2.CONFIRMATION_APPROVAL)
    booking = world.book()
    with run_mail_server(port):
        world.work()
        world.clock.advance(timedelta(days=2))
        Worker(world.booking_database, world.clock, booking_jobs).work_all()
        world.work()
    [_, expired] = mails(taken, booking.contact.email)
    assert "Your request expired" in expired.text


@pytest.mark.req("NT-1", "CN-2", "CN-3")
def test_a_cancellation_that_waits_is_put_to_the_provider_and_its_refusal_told_to_the_client(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.set_up(client_cancellation=availability_pb2.CLIENT_CANCELLATION_APPROVAL)
    booking = world.book()
    with run_mail_server(port):
        world.work()
        world.cancel(booking)
        world.work()
        with acting_as(world.owner):
            world.services.bookings.DeclineCancellation(
                rpc.DeclineCancellationRequest(booking_id=booking.booking_id)
            )
        world.work()
    [_, asked] = mails(taken, world.provider_email)
    assert asked.subject.startswith("Cancellation request: ")
    [_, refused] = mails(taken, booking.contact.email)
    assert "Your appointment is still on" in refused.text
    assert (asked.calendar, refused.calendar) == (None, None)


@pytest.mark.req("NT-3", "PF-2")
def test_redelivered_events_send_nothing_again(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.book()
    with run_mail_server(port):
        world.work()
        for _ in range(3):
            world.receive_events(again=True)
            world.work()
    assert len(taken) == 2


@pytest.mark.req("NT-3")
def test_two_replicas_send_each_notice_once(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    bookings = [world.book(f"2026-03-03 {hour}:00") for hour in (14, 15, 16, 17, 18, 19)]
    world.receive_events()
    workers = [world.worker() for _ in range(2)]
    with run_mail_server(port):
        for worker in workers:
            worker.start()
        until(lambda: world.next_due() is None)
        for worker in workers:
            worker.stop()
    expected = [b.contact.email for b in bookings] + [world.provider_email] * len(bookings)
    assert sorted(mail.to for mail in mails(taken)) == sorted(expected)
    assert len({mail.message_id for mail in mails(taken)}) == 12
    assert {n.state for n in world.rows()} == {"sent"}


@pytest.mark.req("NT-3")
def test_a_mail_server_that_is_down_for_an_hour_loses_nothing(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.book()
    world.work()
    [waiting, _] = world.rows()
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.error == "MAIL_SERVER_UNAVAILABLE ConnectionRefusedError"
    down_until = world.clock.now() + timedelta(hours=1)
    while (at := world.next_due()) and at < down_until:
        world.clock.present = at
        world.work()
    with run_mail_server(port):
        while at := world.next_due():
            world.clock.present = at
            world.work()
    assert len(taken) == 2
    assert {(n.state, n.error, n.sent_at) for n in world.rows()} == {
        ("sent", "", world.clock.now())
    }
    assert world.clock.now() < down_until + timedelta(hours=1)


@pytest.mark.req("NT-3")
def test_a_server_that_asks_to_try_later_gets_it_once(
    world: World,
    taken: Taken,
    answers: dict[str, str],
    run_mail_server: RunMailServer,
    port: int,
) -> None:
    world.book()
    with run_mail_server(port):
        answers["DATA"] = "451 greylisted"
        world.work()
        assert taken == []
        del answers["DATA"]
        world.work()
        assert taken == [], "not before its time"
        world.clock.advance(timedelta(seconds=1))
        world.work()
    assert len(taken) == 2


@pytest.mark.req("NT-3")
def test_what_is_refused_for_good_fails_at_once_and_can_be_sent_again(
    world: World,
    taken: Taken,
    answers: dict[str, str],
    run_mail_server: RunMailServer,
    port: int,
) -> None:
    booking = world.book()
    answers["RCPT"] = f"550 no mailbox {booking.contact.email}"
    with run_mail_server(port), served(world) as notifications:
        world.work()
        rows = world.rows()
        assert [(n.state, n.attempts, n.error) for n in rows] == [
            ("failed", 1, "MAIL_REFUSED SMTPRecipientsRefused 550")
        ] * 2
        assert {event.notice_id for event in failures(world)} == {str(n.id) for n in rows}
        assert world.next_due() is None
        del answers["RCPT"]
        with acting_as(world.owner):
            notifications.ResendNotice(ResendNoticeRequest(notice_id=str(rows[0].id)))
        world.work()
    assert [mail.message_id for mail in mails(taken)] == [f"<{rows[0].id}@attune.example>"]
    assert [n.state for n in world.rows()] == ["sent", "failed"]


@pytest.mark.req("NT-3")
def test_after_more_than_a_day_a_notice_is_given_up(world: World) -> None:
    world.book()
    world.work()
    first = world.clock.now()
    while at := world.next_due():
        world.clock.present = at
        world.work()
    assert timedelta(hours=24) < world.clock.now() - first < timedelta(hours=26)
    assert {(n.state, n.error) for n in world.rows()} == {
        ("failed", "MAIL_SERVER_UNAVAILABLE ConnectionRefusedError")
    }
    assert len(failures(world)) == 2


@pytest.mark.req("NT-3", "NT-1")
def test_a_confirmation_that_a_cancellation_overtook_is_not_sent(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book()
    world.work()
    world.cancel(booking)
    with run_mail_server(port):
        world.work()
    assert world.notices() == [
        ("booking_confirmed", "client", "superseded"),
        ("booking_confirmed", "provider", "superseded"),
        ("booking_cancelled", "client", "sent"),
        ("booking_cancelled", "provider", "sent"),
    ]
    assert [mail.calendar["METHOD"] for mail in mails(taken)] == ["CANCEL", "CANCEL"]


@pytest.mark.req("NT-3")
def test_a_process_that_dies_before_noting_it_repeats_the_same_message(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    world.book()
    world.receive_events()
    [to_client, _] = world.rows()
    with run_mail_server(port):
        die_after_sending(world, to_client, SmtpChannel(world.url))
        assert len(taken) == 2
        world.work()
    ids_of = [mail.message_id for mail in mails(taken)]
    assert ids_of[0] == f"<{to_client.id}@attune.example>"
    assert sorted(map(ids_of.count, set(ids_of))) == [2, 2], "a reader's server sees one message"


@pytest.mark.req("NT-3", "NT-9")
def test_the_mailbox_holds_one_message_though_the_process_died(world: World) -> None:
    world.book()
    world.receive_events()
    [to_client, _] = world.rows()
    mailbox = MailboxChannel(world.database, world.clock)
    die_after_sending(world, to_client, mailbox)
    world.work(channel=mailbox)
    with world.database.transaction(world.practice_id) as session:
        found = session.scalars(select(DevelopmentMessage.message_id)).all()
    assert sorted(found) == sorted(f"<{n.id}@attune.example>" for n in world.rows())


def die_after_sending(world: World, notice: Notice, channel: Channel) -> None:
    """Deliver the notices of a booking by a worker that ends before it can settle the job."""

    class Dying(JobContext[Delivery]):
        @contextmanager
        def settle(self) -> Iterator[Session]:
            raise KeyboardInterrupt
            yield

    now = world.clock.now()
    job = Job(DELIVER, str(notice.booking_id), notice.practice_id, now, now + LEASE)
    with pytest.raises(KeyboardInterrupt):
        deliver(job, Dying(world.database, job, now, world.delivery(channel)))


@pytest.mark.req("PF-13")
@pytest.mark.parametrize("name", ["bookings", "providers"])
def test_a_notice_waits_for_whom_it_must_ask(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int, name: str
) -> None:
    world.book()
    with run_mail_server(port):
        world.work(peers=away(world.services.peers, name))
        assert {(n.state, n.error) for n in world.rows()} == {("queued", "UNAVAILABLE")}
        world.clock.advance(timedelta(seconds=1))
        world.work()
    assert len(taken) == 2


@pytest.mark.req("PF-13", "NT-2")
def test_without_rooms_a_notice_waits_two_minutes_and_leaves_without_the_join_link(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    booking = world.book()
    without = away(world.services.peers, "rooms")
    patient_until = world.clock.now() + timedelta(minutes=2)
    with run_mail_server(port):
        world.work(peers=without)
        assert {(n.state, n.error) for n in world.rows()} == {("queued", "ROOM_MISSING")}
        while (at := world.next_due()) and at < patient_until:
            world.clock.present = at
            world.work(peers=without)
        assert taken == []
        while at := world.next_due():
            world.clock.present = at
            world.work(peers=without)
    assert world.clock.now() < patient_until + timedelta(minutes=2)
    assert len(taken) == 2
    [mail] = mails(taken, booking.contact.email)
    assert "/join/" not in mail.text
    assert mail.event["URL"] == f"{URL}/manage/{token_in(mail, 'manage')}"


def test_a_booking_that_does_not_exist_is_told_to_nobody(world: World) -> None:
    fact = BookingFact(booking_id=str(ids.new()), practice_id=world.practice_id, version=1)
    declined = BookingDeclined(booking=fact)
    handlers.handle(
        world.database,
        declined.DESCRIPTOR.full_name,
        declined.SerializeToString(),
        {MESSAGE_ID: str(ids.new())},
    )
    world.work()
    assert [(n.state, n.error) for n in world.rows()] == [("failed", "NOT_FOUND")]


@pytest.mark.req("PF-7", "PF-3")
def test_no_person_is_in_tables_events_or_logs(
    world: World,
    answers: dict[str, str],
    run_mail_server: RunMailServer,
    port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="mail.log")  # the mail server's own
    caplog.set_level(logging.DEBUG)
    booking = world.book()
    world.work()
    answers["RCPT"] = f"550 no mailbox {booking.contact.email}, Dana Quillfeather"
    world.clock.advance(timedelta(seconds=1))
    with run_mail_server(port):
        world.work()
    world.clock.advance(timedelta(seconds=1))
    world.cancel(booking)
    world.work(channel=MailboxChannel(world.database, world.clock))
    kept = []
    with world.database.transaction(EVERY_PRACTICE) as session:
        for table in ("notices", "development_messages", "outbox", "inbox", "due", "idempotency"):
            kept += [repr(tuple(row)) for row in session.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608  # names of our own tables
    told = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert any("notice failed" in line for line in told)
    assert any("notice sent" in line for line in told)
    for line in kept + told:
        for person in ("quillfeather", "dana.", "practice.example", "5550123", "riverside"):
            assert person not in line.lower()


@pytest.mark.req("NT-3")
def test_each_service_is_asked_once_for_both_notices_of_a_booking(
    world: World,
    make_test_database: Callable[[str], Database],
    taken: Taken,
    run_mail_server: RunMailServer,
    port: int,
) -> None:
    world.book()
    world.receive_events()
    with run_mail_server(port), commits_of(world.database) as commits:
        world.worker().work_all()
    assert len(taken) == 2
    assert len(commits) == 4, "claim, read, settle, and a claim that finds nothing"
    entries = Counter[str]()
    for name in ("availability", "booking", "telehealth_rooms"):
        with make_test_database(name).transaction(world.practice_id) as session:
            query = text("SELECT action FROM audit WHERE subject = 'service:notifications'")
            entries.update(session.scalars(query))
    assert entries == {"provider.read": 1, "booking.read": 1, "room.read": 1}


@contextmanager
def commits_of(database: Database) -> Iterator[list[object]]:
    """Yield a list that grows with each commit."""
    found: list[object] = []

    def note(connection: object) -> None:
        found.append(connection)

    event.listen(database.engine, "commit", note)
    yield found
    event.remove(database.engine, "commit", note)


class SlowChannel:
    """Takes messages, `seconds` for each, but none to the addresses that are `away`."""

    def __init__(self, world: World, seconds: float = 0) -> None:
        self.away: set[str] = set()
        self.sent: list[tuple[str, str]] = []
        self.states: list[list[str]] = []
        self._world = world
        self._seconds = seconds

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        if message["To"] in self.away:
            raise MailServerUnavailable
        self.states.append([state for _, _, state in self._world.notices()])
        self.sent.append((message["To"], message["Subject"].partition(":")[0]))
        self._world.clock.advance(timedelta(seconds=self._seconds))


@pytest.mark.req("NT-3")
def test_a_notice_that_waits_holds_up_its_recipient_alone_and_is_not_tried_early(
    world: World,
) -> None:
    world.set_up(client_cancellation=availability_pb2.CLIENT_CANCELLATION_APPROVAL)
    booking, channel = world.book(), SlowChannel(world)
    channel.away = {booking.contact.email}
    world.work(channel=channel)
    channel.away.clear()
    world.cancel(booking)
    world.work(channel=channel)
    to_provider = world.provider_email
    assert channel.sent[1:] == [(to_provider, "Cancellation request")]
    assert [n.attempts for n in world.rows() if n.recipient == "client"] == [1]
    with acting_as(world.owner):
        world.services.bookings.DeclineCancellation(
            rpc.DeclineCancellationRequest(booking_id=booking.booking_id)
        )
    world.work(channel=channel)
    assert [to for to, _ in channel.sent[2:]] == [booking.contact.email] * 2
    assert world.next_due() is None
    assert [n.attempts for n in world.rows() if n.recipient == "client"] == [2, 1]


@pytest.mark.req("NT-3")
def test_a_later_notice_does_not_make_an_earlier_one_due(world: World) -> None:
    world.set_up(client_cancellation=availability_pb2.CLIENT_CANCELLATION_APPROVAL)
    booking, channel = world.book(), SlowChannel(world)
    channel.away = {booking.contact.email}
    world.cancel(booking)
    with acting_as(world.owner):
        world.services.bookings.DeclineCancellation(
            rpc.DeclineCancellationRequest(booking_id=booking.booking_id)
        )
    for _ in range(2):
        world.work(channel=channel)
        assert [n.attempts for n in world.rows() if n.recipient == "client"] == [1, 0]


@pytest.mark.req("PF-8")
def test_a_notice_that_was_sent_is_recorded(world: World) -> None:
    booking, channel = world.book(), SlowChannel(world)
    channel.away = {booking.contact.email}
    world.work(channel=channel)
    [sent] = [notice for notice in world.rows() if notice.state == "sent"]
    with world.database.transaction(world.practice_id) as session:
        own = select(Entry).where(Entry.practice_id == world.practice_id)
        entries = [(entry.action, entry.things) for entry in session.scalars(own)]
    things = [f"notice:{sent.id}", f"booking:{sent.booking_id}", "recipient:provider"]
    assert entries == [("notice.send", things)]


@pytest.mark.req("NT-3")
def test_a_job_that_takes_long_is_settled_before_it_sends_more(world: World) -> None:
    booking, channel = world.book(), SlowChannel(world, seconds=11)
    world.work(channel=channel)
    assert [to for to, _ in channel.sent] == [booking.contact.email, world.provider_email]
    assert channel.states == [["queued", "queued"], ["sent", "queued"]]
    assert world.next_due() is None


@pytest.mark.req("NT-3", "PF-15")
def test_plans_of_an_earlier_release_are_carried_out(
    world: World, taken: Taken, run_mail_server: RunMailServer, port: int
) -> None:
    """They were made for each recipient of a booking."""
    booking = world.book()
    world.receive_events()
    practice_id, now = UUID(world.practice_id), world.clock.now()
    with world.database.transaction(practice_id) as session:
        cancel(session, DELIVER, booking.booking_id)
        for recipient in ("client", "provider"):
            schedule(session, DELIVER, f"{booking.booking_id}:{recipient}", practice_id, now)
    with run_mail_server(port):
        world.worker().work_all()
    to = sorted(mail.to for mail in mails(taken))
    assert to == sorted([booking.contact.email, world.provider_email])
    assert world.next_due() is None
