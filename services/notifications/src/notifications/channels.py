"""How notices leave (spec NT-9): by SMTP, or into the development mailbox.

A failure says what happened by class and code alone: a mail server's words quote addresses.
"""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from common.clock import Clock
from common.config import Misconfigured
from common.db.database import Database
from common.errors import DomainError, Refused, Unavailable
from notifications import store

SMTP, DEVELOPMENT = "smtp", "development"
_TIMEOUT = 10.0  # seconds for each answer of the mail server


class MailRefused(Refused):
    """The mail server has refused this message for good."""


class MailServerUnavailable(Unavailable):
    """The mail server cannot be reached, or asks to try again later."""


class Channel(Protocol):
    """Takes a message over, or raises MailRefused or MailServerUnavailable. A message that it has
    taken over before, by its Message-ID, changes nothing for the reader."""

    def send(self, practice_id: UUID, message: EmailMessage) -> None: ...


class SmtpChannel:
    """A mail server: `smtp://user:password@host:port`, with STARTTLS where it is offered, or
    `smtps://`. Certificates are verified; a password travels under TLS only."""

    def __init__(self, url: str) -> None:
        self._url = _server(url)
        self._tls = ssl.create_default_context()

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        with self._connection() as server:
            try:
                server.send_message(message)
            except (OSError, smtplib.SMTPException) as error:
                raise _failure(error) from None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise _failure(error) from None
        try:
            yield server
        finally:
            # The message is delivered by now: a bad farewell must not have it sent again.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        host, secure = self._url.hostname or "", self._url.scheme == "smtps"
        server: smtplib.SMTP
        if secure:
            server = smtplib.SMTP_SSL(
                host, self._url.port or 465, timeout=_TIMEOUT, context=self._tls
            )
        else:
            server = smtplib.SMTP(host, self._url.port or 25, timeout=_TIMEOUT)
        try:
            server.ehlo_or_helo_if_needed()
            if not secure and server.has_extn("starttls"):
                server.starttls(context=self._tls)
                secure = True
            self._sign_in(server, secure)
        except BaseException:
            server.close()
            raise
        return server

    def _sign_in(self, server: smtplib.SMTP, secure: bool) -> None:
        if not self._url.username:
            return
        if not secure:
            raise smtplib.SMTPNotSupportedError("no TLS: the password stays here")
        server.login(unquote(self._url.username), unquote(self._url.password or ""))


class MailboxChannel:
    """Keeps every message, encrypted, for a developer to read instead of sending it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        with self._database.transaction(practice_id) as session:
            store.keep_message(
                session,
                practice_id=practice_id,
                message_id=message["Message-ID"],
                to=message["To"].addresses[0].addr_spec,
                source=message.as_string(),
                now=self._clock.now(),
            )


def channel(name: str, smtp_url: str, database: Database, clock: Clock) -> Channel:
    """The channel of that name; raises Misconfigured."""
    if name == SMTP:
        return SmtpChannel(smtp_url)
    if name == DEVELOPMENT:
        return MailboxChannel(database, clock)
    raise Misconfigured(f"CHANNEL must be {SMTP} or {DEVELOPMENT}")


def _server(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no port
        usable = False
    if not usable:
        raise Misconfigured("SMTP_URL must look like smtp://user:password@host:port")
    return parts


def _failure(error: Exception) -> DomainError:
    """What this means for the message: refused for good, or to be tried again."""
    code, for_good = 0, False
    match error:
        case smtplib.SMTPRecipientsRefused():
            code = max(code for code, _ in error.recipients.values())
            for_good = code >= 500
        case smtplib.SMTPDataError():
            code = error.smtp_code
            for_good = code >= 500
        case smtplib.SMTPResponseException():  # the sender, the sign-in: ours to put right
            code = error.smtp_code
    kind = MailRefused if for_good else MailServerUnavailable
    return kind(cause=type(error).__name__, code=str(code or ""))
