"""Mail servers (spec NT-9)."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from common.config import Misconfigured
from common.errors import DomainError
from notifications.adapters.channel import MailRefused, MailServerUnavailable

_TIMEOUT = 10.0  # seconds for each answer of the mail server


class SmtpChannel:
    """One mail server.

    `url` is `smtp://user:password@host:port`, with STARTTLS where the server offers it, or
    `smtps://`. Certificates are verified, and a password is sent under TLS only.
    """

    def __init__(self, url: str) -> None:
        """Raises Misconfigured for any other URL."""
        self._url = _server(url)
        self._tls = ssl.create_default_context()

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        """Hand a message to the server. Raises MailRefused or MailServerUnavailable."""
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
            # The server has the message: a failing QUIT must not have it sent again.
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


def _server(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number
        usable = False
    if not usable:
        raise Misconfigured("SMTP_URL must look like smtp://user:password@host:port")
    return parts


def _failure(error: Exception) -> DomainError:
    """Return MailRefused if the server refuses this message permanently, else
    MailServerUnavailable, with the class and code of `error` only."""
    code, permanent = 0, False
    match error:
        case smtplib.SMTPRecipientsRefused():
            code = max(code for code, _ in error.recipients.values())
            permanent = code >= 500
        case smtplib.SMTPDataError():
            code = error.smtp_code
            permanent = code >= 500
        case smtplib.SMTPResponseException():  # about our address or sign-in, not this message
            code = error.smtp_code
    kind = MailRefused if permanent else MailServerUnavailable
    return kind(cause=type(error).__name__, code=str(code or ""))
