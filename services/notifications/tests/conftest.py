"""Notifications on its own database, a mail server, and letters to compose. The tests share
`services.notifications.tests.practice_world`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from attune.availability.v1.availability_pb2 import Practice, Provider
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1 import types_pb2
from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from common import ids
from common.db.database import Database
from common.messaging.nats import MESSAGE_ID
from notifications.domain.notices import Kind, Recipient
from notifications.events import handlers
from notifications.rendering.message import Letter, Links

sys.path.append(str(Path(__file__).parents[3]))

MakeLetter = Callable[..., Letter]
Deliver = Callable[..., bool]


class MailServer:
    """A mail server that keeps what it receives, unless it has been told what to answer."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.answers: dict[str, str] = {}
        self.signed_in: list[bytes] = []

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        return self.answers.get("QUIT", "221 Bye")

    def authenticate(self, _s: Any, _n: Any, _e: Any, _m: str, data: LoginPassword) -> AuthResult:
        self.signed_in.append(data.login + b":" + data.password)
        return AuthResult(success=data.password == b"p@ss word", handled=False)


@pytest.fixture
def mail_server() -> MailServer:
    return MailServer()


@pytest.fixture
def taken(mail_server: MailServer) -> list[tuple[str, list[str], bytes]]:
    """What the mail server has received: sender, recipients, content."""
    return mail_server.taken


@pytest.fixture
def answers(mail_server: MailServer) -> dict[str, str]:
    """The answers of the mail server to commands, such as `{"RCPT": "550 no"}`."""
    return mail_server.answers


@pytest.fixture
def signed_in(mail_server: MailServer) -> list[bytes]:
    """Who signed in to the mail server: `name:password`."""
    return mail_server.signed_in


@pytest.fixture
def run_mail_server(mail_server: MailServer) -> Callable[..., AbstractContextManager[int]]:
    """A function that runs the mail server during a block, on a given port or a free one."""

    @contextmanager
    def run(port: int = 0, **options: Any) -> Iterator[int]:
        controller = Controller(
            mail_server,
            hostname="127.0.0.1",
            port=port or free_port(),
            authenticator=mail_server.authenticate,
            **options,
        )
        controller.start()
        try:
            yield controller.port
        finally:
            controller.stop()

    return run


@pytest.fixture(scope="session")
def database(make_test_database: Callable[[str], Database]) -> Database:
    return make_test_database("notifications")


@pytest.fixture
def clock() -> TestClock:
    return TestClock(utc("2026-03-01 12:00"))


@pytest.fixture
def practice() -> UUID:
    """A practice of the test's own."""
    return ids.new()


@pytest.fixture
def make_letter() -> MakeLetter:
    """A letter about a confirmed telehealth booking on 3 March 2026, 10:00 in New York; keyword
    arguments change the letter, `booking` and `practice` further fields of theirs."""

    def make(
        kind: Kind = Kind.BOOKING_CONFIRMED,
        recipient: Recipient = Recipient.CLIENT,
        *,
        start: str = "2026-03-03 15:00",
        end: str = "2026-03-03 15:50",
        booking: dict[str, Any] | None = None,
        practice: dict[str, Any] | None = None,
        **letter: Any,
    ) -> Letter:
        about = pb.Booking(
            booking_id=str(ids.new()),
            username="pat",
            contact=pb.ContactDetails(
                name="Dana Quillfeather",
                email="dana@client.example",
                phone="+12125550123",
                timezone="America/New_York",
            ),
            status=pb.BOOKING_STATUS_CONFIRMED,
            mode=types_pb2.MODE_TELEHEALTH,
            timezone="Europe/Berlin",
            service_lines=[pb.ServiceLine(title="Trauma therapy", slug="trauma-therapy")],
            note="I cannot sleep",
            reason_text="The doctor is ill",
            manage_token="manage-token",
            version=3,
        )
        about.start_time.FromDatetime(utc(start))
        about.end_time.FromDatetime(utc(end))
        about.MergeFrom(pb.Booking(**(booking or {})))
        told = {"name": "Riverside Practice", "address": "1 River Street", **(practice or {})}
        made: dict[str, Any] = {
            "notice_id": ids.new(),
            "provider": Provider(
                display_name="Pat Provider",
                email="pat@practice.example",
                timezone="Europe/Berlin",
            ),
            "links": Links(
                manage="https://attune.example/manage/manage-token",
                book="https://attune.example/book/pat",
                join="https://attune.example/join/join-token",
            ),
            "sender": "no-reply@attune.example",
            "sent_at": utc("2026-03-01 12:00"),
        }
        return Letter(
            kind=kind,
            recipient=recipient,
            booking=about,
            practice=Practice(**told),
            **(made | letter),
        )

    return make


@pytest.fixture
def fact(practice: UUID) -> BookingFact:
    """A function that makes the state of a booking after a change."""
    return BookingFact(booking_id=str(ids.new()), practice_id=str(practice), version=1)


@pytest.fixture
def deliver(database: Database, clock: TestClock) -> Deliver:
    """A function that delivers an event as the consumer does, and returns whether the message was
    new."""
    database.clock = clock

    def handle(event: Any, message_id: str = "") -> bool:
        return handlers.handle(
            database,
            event.DESCRIPTOR.full_name,
            event.SerializeToString(),
            {MESSAGE_ID: message_id or str(ids.new())},
        )

    return handle
