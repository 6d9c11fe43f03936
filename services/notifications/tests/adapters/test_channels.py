"""Real mail servers that accept, refuse, stall, and disconnect; and the development mailbox."""

import contextlib
import itertools
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from attune_local.servers import free_port
from attune_testing.clock import TestClock
from common import ids
from common.config import Misconfigured
from common.db.database import Database
from common.errors import DomainError
from notifications.__main__ import channel
from notifications.adapters import smtp as smtp_module
from notifications.adapters.channel import MailRefused, MailServerUnavailable
from notifications.adapters.mailbox import MailboxChannel
from notifications.adapters.smtp import SmtpChannel
from notifications.rendering.letter import Letter
from notifications.rendering.message import compose
from notifications.settings import Settings

MakeLetter = Callable[..., Letter]
Taken = list[tuple[str, list[str], bytes]]
RunMailServer = Callable[..., AbstractContextManager[int]]
pytestmark = pytest.mark.req("NT-9")


@pytest.fixture
def smtp(run_mail_server: RunMailServer) -> Iterator[SmtpChannel]:
    with run_mail_server() as port:
        yield SmtpChannel(f"smtp://127.0.0.1:{port}")


@pytest.fixture
def message(make_letter: MakeLetter) -> EmailMessage:
    return compose(make_letter())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1, with its key, which nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process trust the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def test_a_message_arrives_as_it_was_composed(
    taken: Taken, smtp: SmtpChannel, message: EmailMessage
) -> None:
    smtp.send(ids.new(), message)
    [(sender, to, content)] = taken
    assert (sender, to) == ("no-reply@attune.example", ["dana@client.example"])
    arrived = message_from_bytes(content, policy=default)
    names = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")
    assert [str(arrived[name]) for name in names] == [str(message[name]) for name in names]
    assert [p.get_content_type() for p in arrived.walk()] == [
        p.get_content_type() for p in message.walk()
    ]
    assert content.isascii()


def failure(smtp: SmtpChannel, message: EmailMessage) -> DomainError:
    with pytest.raises(DomainError) as caught:
        smtp.send(ids.new(), message)
    return caught.value


@pytest.mark.req("NT-3")
@pytest.mark.parametrize(
    ("step", "answer", "kind", "cause"),
    [
        ("RCPT", "550 no such dana@client.example", MailRefused, "SMTPRecipientsRefused"),
        ("RCPT", "451 try later", MailServerUnavailable, "SMTPRecipientsRefused"),
        ("DATA", "554 rejected dana@client.example", MailRefused, "SMTPDataError"),
        ("DATA", "451 greylisted", MailServerUnavailable, "SMTPDataError"),
        # The sender is our setting: once it is put right, the message can leave.
        ("MAIL", "553 not you", MailServerUnavailable, "SMTPSenderRefused"),
        ("MAIL", "421 too busy", MailServerUnavailable, "SMTPSenderRefused"),
    ],
)
def test_a_refusal_is_for_good_or_for_now(
    answers: dict[str, str],
    taken: Taken,
    smtp: SmtpChannel,
    message: EmailMessage,
    step: str,
    answer: str,
    kind: type[DomainError],
    cause: str,
) -> None:
    answers[step] = answer
    error = failure(smtp, message)
    assert type(error) is kind
    assert error.details == {"cause": cause, "code": answer[:3]}
    assert "dana" not in f"{error}{error.details}", "a server's words quote addresses"
    assert error.__cause__ is None
    assert taken == []


@pytest.mark.req("NT-3")
def test_a_bad_farewell_does_not_send_it_again(
    answers: dict[str, str], taken: Taken, smtp: SmtpChannel, message: EmailMessage
) -> None:
    answers["QUIT"] = "421 I have had enough"
    smtp.send(ids.new(), message)
    assert len(taken) == 1


@pytest.mark.req("NT-3")
def test_a_server_that_is_down_is_tried_later(message: EmailMessage) -> None:
    error = failure(SmtpChannel(f"smtp://127.0.0.1:{free_port()}"), message)
    assert type(error) is MailServerUnavailable
    assert error.details == {"cause": "ConnectionRefusedError", "code": ""}


GOOD = {
    "greeting": b"220 mail.example ESMTP\r\n",
    "EHLO": b"250 mail.example\r\n",
    "MAIL": b"250 fine\r\n",
    "RCPT": b"250 fine\r\n",
    "DATA": b"354 go on\r\n",
    "message": b"250 fine\r\n",
    "QUIT": b"221 farewell\r\n",
}


class Peer(socketserver.StreamRequestHandler):
    """A mail server that answers correctly, except at one stage."""

    def handle(self) -> None:
        server: Any = self.server
        with contextlib.suppress(OSError):
            self._answer("greeting")
            while line := self.rfile.readline():
                command = line[:4].decode("ascii", "replace").upper()
                self._answer(command)
                if command == "DATA":
                    while self.rfile.readline().rstrip() not in (b".", b""):
                        pass
                    self._answer("message")
            return
        server.hung_up.set()

    def _answer(self, stage: str) -> None:
        server: Any = self.server
        if stage != server.stage:
            self.wfile.write(GOOD.get(stage, b"250 fine\r\n"))
            return
        for part in itertools.chain(*[server.parts] * server.times):
            self.wfile.write(part)
            server.over.wait(0.05)
        server.finished.set()
        raise OSError


class Peers(socketserver.ThreadingTCPServer):
    """Serves one Peer, whose answer at `stage` is `parts`, bit by bit, a hundred times."""

    daemon_threads = True

    def __init__(self, stage: str, parts: Sequence[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Peer)
        self.stage, self.parts, self.times = stage, parts, 400 // len(parts)
        self.over, self.finished, self.hung_up = (threading.Event() for _ in range(3))


@pytest.mark.req("PF-13")
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("url", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("stage", "parts"),
    [
        ("greeting", [b"2"]),
        ("greeting", [b"220-wait\r\n"]),
        ("greeting", [b""]),
        ("EHLO", [b"250-X\r\n"]),
        ("MAIL", [b"2"]),
        ("RCPT", [b"250-wait\r\n"]),
        ("DATA", [b"3"]),
        ("message", [b"250-", b"wait", b"\r\n"]),
    ],
)
def test_a_server_that_dawdles_has_a_limited_time_for_all_of_it(
    message: EmailMessage,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    url: str,
    stage: str,
    parts: Sequence[bytes],
) -> None:
    """Each byte arrives soon, so no single read takes long."""
    monkeypatch.setattr(smtp_module, "_TOTAL", 0.4)
    with Peers(stage, parts) as peers:
        if url == "smtps":
            peers.socket = tls(certificate).wrap_socket(peers.socket, server_side=True)
        threading.Thread(target=peers.serve_forever, args=(0.05,), daemon=True).start()
        with pytest.raises(MailServerUnavailable):
            SmtpChannel(f"{url}://127.0.0.1:{peers.server_address[1]}").send(ids.new(), message)
        assert not peers.finished.is_set(), "the sender has not waited for the end"
        peers.over.set()
        peers.shutdown()


@pytest.mark.req("PF-13")
def test_a_farewell_that_dawdles_does_not_send_it_again(
    message: EmailMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_module, "_TOTAL", 0.4)
    with Peers("QUIT", [b"2"]) as peers:
        threading.Thread(target=peers.serve_forever, args=(0.05,), daemon=True).start()
        SmtpChannel(f"smtp://127.0.0.1:{peers.server_address[1]}").send(ids.new(), message)
        assert not peers.finished.is_set()
        peers.over.set()
        peers.shutdown()


@pytest.mark.usefixtures("trusted")
def test_it_signs_in_under_starttls(
    run_mail_server: RunMailServer,
    taken: Taken,
    signed_in: list[bytes],
    certificate: Path,
    message: EmailMessage,
) -> None:
    options = {"auth_required": True, "require_starttls": True}
    with run_mail_server(tls_context=tls(certificate), **options) as port:
        SmtpChannel(f"smtp://mailer:p%40ss%20word@127.0.0.1:{port}").send(ids.new(), message)
        wrong = failure(SmtpChannel(f"smtp://mailer:wrong@127.0.0.1:{port}"), message)
    assert set(signed_in) == {b"mailer:p@ss word", b"mailer:wrong"}
    assert len(taken) == 1
    assert wrong.details == {"cause": "SMTPAuthenticationError", "code": "535"}


@pytest.mark.usefixtures("trusted")
def test_smtps(
    run_mail_server: RunMailServer, taken: Taken, certificate: Path, message: EmailMessage
) -> None:
    with run_mail_server(ssl_context=tls(certificate)) as port:
        SmtpChannel(f"smtps://127.0.0.1:{port}").send(ids.new(), message)
    assert len(taken) == 1


def test_a_password_stays_here_without_tls(
    run_mail_server: RunMailServer, taken: Taken, signed_in: list[bytes], message: EmailMessage
) -> None:
    with run_mail_server() as port:
        error = failure(SmtpChannel(f"smtp://mailer:secret@127.0.0.1:{port}"), message)
    assert error.details == {"cause": "SMTPNotSupportedError", "code": ""}
    assert (signed_in, taken) == ([], [])


def test_a_certificate_that_is_not_trusted_gets_no_message(
    run_mail_server: RunMailServer, taken: Taken, certificate: Path, message: EmailMessage
) -> None:
    with run_mail_server(tls_context=tls(certificate)) as port:
        error = failure(SmtpChannel(f"smtp://127.0.0.1:{port}"), message)
    assert error.details == {"cause": "SSLCertVerificationError", "code": ""}
    assert taken == []


@pytest.mark.parametrize("url", ["", "localhost:25", "http://localhost", "smtp://", "smtp://h:x"])
def test_a_url_that_is_none_is_named_at_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="SMTP_URL"):
        SmtpChannel(url)


def test_the_channel_is_chosen_by_its_name(database: Database, clock: TestClock) -> None:
    url = "smtp://localhost:25"
    assert isinstance(channel("smtp", url, database, clock), SmtpChannel)
    assert isinstance(channel("development", url, database, clock), MailboxChannel)
    needed = {f.name.upper(): "x" for f in fields(Settings) if f.default is MISSING}
    with pytest.raises(Misconfigured, match="CHANNEL must be smtp or development, not 'pigeon'"):
        Settings.from_env({**needed, "CHANNEL": "pigeon"})


@pytest.mark.req("NT-3", "PF-7")
def test_the_mailbox_keeps_a_message_once_and_no_clear_text(
    database: Database, clock: TestClock, practice: UUID, message: EmailMessage
) -> None:
    mailbox = MailboxChannel(database, clock)
    mailbox.send(practice, message)
    mailbox.send(practice, message)
    with database.transaction(practice) as session:
        [row] = session.execute(text("SELECT * FROM development_messages")).all()
    stored = repr(tuple(row))
    for words in ("dana", "Dana", "Quillfeather", "Riverside", "10:00"):
        assert words not in stored
