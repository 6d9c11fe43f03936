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

from attune.booking.v1.events_pb2 import BookingFact
from attune_local.servers import free_port
from attune_testing.clock import TestClock, utc
from common import ids
from common.db.database import Database
from common.messaging.nats import MESSAGE_ID
from notifications.events import handlers
from notifications.rendering.letter import Letter

sys.path.append(str(Path(__file__).parents[3]))

from services.notifications.tests import letters  # importable now

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
    return letters.make_letter


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
