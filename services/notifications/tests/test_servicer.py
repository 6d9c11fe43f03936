"""The RPCs, behind a real port."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from icalendar import Calendar
from sqlalchemy import select, update

from attune.booking.v1.events_pb2 import BookingDeclined, BookingFact
from attune.notifications.v1 import notice_service_pb2 as rpc
from attune.notifications.v1.development_mailbox_service_pb2 import (
    DevelopmentMessage,
    ListDevelopmentMessagesRequest,
)
from attune.notifications.v1.notice_service_pb2 import (
    ListFailedNoticesRequest,
    ListFailedNoticesResponse,
    ResendNoticeRequest,
)
from attune_testing.clock import TestClock
from attune_testing.identities import client, service, staff
from attune_testing.serving import serve
from attune_testing.stubs import NotificationsStub
from common import ids
from common.db.database import Database
from common.errors import Invalid, NotAllowed, NotFound, Refused, Unauthenticated
from common.jobs.schedule import due
from common.rpc.identity import VISITOR, Identity, acting_as
from notifications.adapters.mailbox import MailboxChannel
from notifications.domain.notices import Recipient, State
from notifications.rendering.letter import Letter
from notifications.rendering.message import compose
from notifications.servicer import servicers
from notifications.store.tables import Notice

MakeLetter = Callable[..., Letter]
Deliver = Callable[..., bool]
Fail = Callable[..., Notice]


@pytest.fixture
def notifications(database: Database, clock: TestClock) -> Iterator[NotificationsStub]:
    with serve(servicers(database, clock, mailbox=True)) as served:
        yield NotificationsStub(served.channel())


@pytest.fixture
def fail(database: Database, practice: UUID, clock: TestClock, deliver: Deliver) -> Fail:
    """Store a failed notice, a second later than the one before."""

    def make(of: UUID = practice) -> Notice:
        clock.advance(timedelta(seconds=1))
        fact = BookingFact(booking_id=str(ids.new()), practice_id=str(of), version=1)
        deliver(BookingDeclined(booking=fact))
        with database.transaction(of) as session:
            about = Notice.booking_id == UUID(fact.booking_id)
            session.execute(
                update(Notice)
                .where(about)
                .values(state=State.FAILED, attempts=33, error="MAIL_REFUSED 550")
            )
            return session.scalars(select(Notice).where(about)).one()

    return make


def listed(
    stub: NotificationsStub, who: Identity, size: int = 0, token: str = ""
) -> ListFailedNoticesResponse:
    with acting_as(who):
        return stub.ListFailedNotices(ListFailedNoticesRequest(page_size=size, page_token=token))


def resend(stub: NotificationsStub, who: Identity, notice_id: object) -> rpc.Notice:
    with acting_as(who):
        return stub.ResendNotice(ResendNoticeRequest(notice_id=str(notice_id))).notice


def mailbox(stub: NotificationsStub, to: str = "") -> list[DevelopmentMessage]:
    with acting_as(VISITOR):
        request = ListDevelopmentMessagesRequest(to=to)
        return list(stub.ListDevelopmentMessages(request).messages)


@pytest.mark.req("NT-3")
def test_staff_see_what_could_not_be_delivered(
    notifications: NotificationsStub, practice: UUID, fail: Fail
) -> None:
    notice = fail()
    [shown] = listed(notifications, staff(practice, "manager")).notices
    assert shown.create_time.ToDatetime(notice.created_at.tzinfo) == notice.created_at
    shown.ClearField("create_time")
    assert shown == rpc.Notice(
        notice_id=str(notice.id),
        booking_id=str(notice.booking_id),
        recipient="client",
        kind="booking_declined",
        attempts=33,
        error="MAIL_REFUSED 550",
        state=rpc.NOTICE_STATE_FAILED,
    )


@pytest.mark.req("NT-3")
@pytest.mark.parametrize(
    ("state", "attempts", "error"),
    [
        (State.QUEUED, 0, ""),
        (State.QUEUED, 3, "MAIL_SERVER_UNAVAILABLE 421"),
        (State.SENT, 1, ""),
        (State.FAILED, 1, "UNUSABLE_ADDRESS"),
        (State.FAILED, 33, "MAIL_REFUSED 550"),
        (State.SUPERSEDED, 2, ""),
    ],
)
def test_staff_see_how_the_notices_of_a_booking_stand(
    notifications: NotificationsStub,
    database: Database,
    practice: UUID,
    deliver: Deliver,
    state: State,
    attempts: int,
    error: str,
) -> None:
    ada, bob = ids.new(), ids.new()
    fact = BookingFact(
        booking_id=str(ids.new()), practice_id=str(practice), provider_id=str(ada), version=1
    )
    deliver(BookingDeclined(booking=fact))
    with database.transaction(practice) as session:
        about = Notice.booking_id == UUID(fact.booking_id)
        values = {"state": state, "attempts": attempts, "error": error}
        session.execute(update(Notice).where(about).values(**values))

    def seen_by(who: Identity, booking_id: str = fact.booking_id) -> list[tuple[str, int, str]]:
        with acting_as(who):
            request = rpc.ListBookingNoticesRequest(booking_id=booking_id)
            found = notifications.ListBookingNotices(request).notices
        names = [rpc.NoticeState.Name(notice.state) for notice in found]
        return [(n, f.attempts, f.error) for n, f in zip(names, found, strict=True)]

    expected = [(f"NOTICE_STATE_{state.upper()}", attempts, error)]
    for who in (staff(practice), staff(practice, "manager")):
        assert seen_by(who) == expected
    for role in ("clinician", "supervisor"):
        assert seen_by(staff(practice, role, provider_id=ada)) == expected
        assert seen_by(staff(practice, role, provider_id=bob)) == []
    assert seen_by(staff(ids.new())) == []
    assert seen_by(staff(practice), str(ids.new())) == []


@pytest.mark.req("NT-3")
def test_failed_notices_come_in_pages_newest_first(
    notifications: NotificationsStub, practice: UUID, fail: Fail
) -> None:
    made = [str(fail().id) for _ in range(5)]
    seen, token = [], ""
    while True:
        page = listed(notifications, staff(practice), size=2, token=token)
        seen.append([notice.notice_id for notice in page.notices])
        if not (token := page.next_page_token):
            break
    assert seen == [[made[4], made[3]], [made[2], made[1]], [made[0]]]


@pytest.mark.req("NT-3")
def test_a_failed_notice_is_queued_again_once_however_often_it_is_clicked(
    notifications: NotificationsStub,
    database: Database,
    practice: UUID,
    fail: Fail,
    clock: TestClock,
) -> None:
    notice = fail()
    with database.transaction(practice) as session:
        session.execute(due.delete().where(due.c.practice_id == practice))
    clock.advance(timedelta(hours=1))
    answers = [resend(notifications, staff(practice), notice.id) for _ in range(2)]
    assert [(n.notice_id, n.attempts, n.error) for n in answers] == [(str(notice.id), 0, "")] * 2
    assert list(listed(notifications, staff(practice)).notices) == []
    with database.transaction(practice) as session:
        plans = session.execute(select(due).where(due.c.practice_id == practice)).all()
    assert [(plan.key, plan.due_at) for plan in plans] == [(str(notice.booking_id), clock.now())]


def test_a_notice_that_was_sent_is_not_sent_again(
    notifications: NotificationsStub, database: Database, practice: UUID, fail: Fail
) -> None:
    notice = fail()
    with database.transaction(practice) as session:
        session.execute(update(Notice).where(Notice.id == notice.id).values(state=State.SENT))
    with pytest.raises(Refused) as caught:
        resend(notifications, staff(practice), notice.id)
    assert caught.value.reason == "NOTICE_NOT_FAILED"


@pytest.mark.req("GW-13")
def test_another_practices_notices_do_not_exist(
    notifications: NotificationsStub, fail: Fail
) -> None:
    notice, stranger = fail(), staff(ids.new())
    assert list(listed(notifications, stranger).notices) == []
    with pytest.raises(NotFound):
        resend(notifications, stranger, notice.id)


@pytest.mark.req("GW-13")
@pytest.mark.parametrize(
    ("who", "error"),
    [
        (VISITOR, Unauthenticated),
        (client(ids.new(), ids.new()), NotAllowed),
        (staff(ids.new(), "clinician"), NotAllowed),
        (staff(ids.new(), "supervisor"), NotAllowed),
        (service("gateway", ids.new()), NotAllowed),
    ],
)
def test_only_owners_and_managers_see_to_failed_notices(
    notifications: NotificationsStub, who: Identity, error: type[Exception]
) -> None:
    with pytest.raises(error):
        listed(notifications, who)
    with pytest.raises(error):
        resend(notifications, who, ids.new())


@pytest.mark.parametrize(
    "token", ["x", "%%%", "ä", "MjAyNg==", "MDAwMS0wMS0wMVQwMDowMCAx", "A" * 999]
)
def test_a_garbled_page_token_is_named(
    notifications: NotificationsStub, practice: UUID, token: str
) -> None:
    with pytest.raises(Invalid) as caught:
        listed(notifications, staff(practice), token=token)
    assert caught.value.field == "page_token"


def test_a_negative_page_size_is_named(notifications: NotificationsStub, practice: UUID) -> None:
    with pytest.raises(Invalid) as caught:
        listed(notifications, staff(practice), size=-1)
    assert caught.value.field == "page_size"


@pytest.mark.parametrize("notice_id", ["", "x", "\0", "7e13ea78-a4bb-4392-9a8a-c8176fac8f9e"])
def test_an_unknown_notice_is_not_found(
    notifications: NotificationsStub, practice: UUID, notice_id: str
) -> None:
    with pytest.raises(NotFound):
        resend(notifications, staff(practice), notice_id)


@pytest.mark.req("NT-9")
def test_the_mailbox_shows_a_message_as_its_reader_sees_it(
    notifications: NotificationsStub,
    database: Database,
    clock: TestClock,
    practice: UUID,
    make_letter: MakeLetter,
) -> None:
    letter = make_letter(practice={"name": "Praxis Söhne"})
    MailboxChannel(database, clock).send(practice, compose(letter))
    [message] = [m for m in mailbox(notifications) if str(letter.notice_id) in m.message_id]
    assert (message.message_id, message.to) == (
        f"{letter.notice_id}@attune.example",
        "dana@client.example",
    )
    assert message.subject.startswith("Confirmed: Tue, Mar 3, 10:00 AM")
    assert "Praxis Söhne\n\nYour appointment is confirmed\n" in message.text
    assert message.html.startswith("<!doctype html>")
    assert message.create_time.ToDatetime(clock.now().tzinfo) == clock.now()
    [invite] = message.attachments
    assert (invite.filename, invite.content_type) == (
        "invite.ics",
        "text/calendar; method=REQUEST",
    )
    [event] = Calendar.from_ical(invite.text).events
    assert event["UID"] == f"{letter.booking.booking_id}@attune"


@pytest.mark.req("NT-9")
def test_the_mailbox_is_filtered_by_address_whatever_its_capitals_newest_first(
    notifications: NotificationsStub,
    database: Database,
    clock: TestClock,
    practice: UUID,
    make_letter: MakeLetter,
) -> None:
    address = f"Dana.{ids.new().hex}@client.example"
    letters = [make_letter(booking={"contact": {"email": address}}) for _ in range(3)]
    letters.append(make_letter(recipient=Recipient.PROVIDER))
    for letter in letters:
        MailboxChannel(database, clock).send(practice, compose(letter))
    found = mailbox(notifications, to=address.upper())
    assert [m.message_id for m in found] == [
        f"{letter.notice_id}@attune.example" for letter in reversed(letters[:3])
    ]
    assert mailbox(notifications, to="nobody@client.example\0") == []


@pytest.mark.req("NT-9")
def test_without_the_development_channel_there_is_no_mailbox(
    database: Database, clock: TestClock
) -> None:
    with serve(servicers(database, clock, mailbox=False)) as served:
        stub = NotificationsStub(served.channel())
        with pytest.raises(NotFound):
            mailbox(stub)
