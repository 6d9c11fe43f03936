"""Mail servers (spec NT-9)."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from common.config import Misconfigured
from common.errors import DomainError
from notifications.adapters.channel import MailRefused, MailServerUnavailable

_TIMEOUT = 10.0  # seconds for each part of an answer of the mail server
_TOTAL = 25.0  # seconds for one message: less than a job that begins has left of its lease
_CUT = 0.1  # seconds between attempts to cut a connection whose time is up
_READY = 220  # the code of a server's greeting


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
        """Hand a message to the server, within _TOTAL seconds.

        Raises MailRefused or MailServerUnavailable.
        """
        with self._connection() as server:
            try:
                server.send_message(message)
            except (OSError, smtplib.SMTPException) as error:
                raise _failure(error) from None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        secure = self._url.scheme == "smtps"
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(timeout=_TIMEOUT, context=self._tls)
            if secure
            else smtplib.SMTP(timeout=_TIMEOUT)
        )
        with _limited(server), contextlib.closing(server):
            try:
                self._open(server, secure)
            except (OSError, smtplib.SMTPException) as error:
                raise _failure(error) from None
            try:
                yield server
            finally:
                # The server has the message: a failing QUIT must not have it sent again.
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()

    def _open(self, server: smtplib.SMTP, secure: bool) -> None:
        host, port = self._url.hostname or "", self._url.port or server.default_port
        # A name may stand for many servers, which are tried one after the other.
        addresses = len(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        server.timeout = min(_TIMEOUT, _TOTAL / 2 / addresses)
        # For TLS. The constructor that takes a host connects at once, before it can be limited.
        server._host = host  # type: ignore[attr-defined]
        code, answer = server.connect(host, port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, answer)
        if server.sock:
            server.sock.settimeout(_TIMEOUT)
        server.ehlo_or_helo_if_needed()
        if not secure and server.has_extn("starttls"):
            server.starttls(context=self._tls)
            secure = True
        self._sign_in(server, secure)

    def _sign_in(self, server: smtplib.SMTP, secure: bool) -> None:
        if not self._url.username:
            return
        if not secure:
            raise smtplib.SMTPNotSupportedError("no TLS: the password stays here")
        server.login(unquote(self._url.username), unquote(self._url.password or ""))


@contextlib.contextmanager
def _limited(server: smtplib.SMTP) -> Iterator[None]:
    """Cut the connection if the block takes longer than _TOTAL seconds.

    A socket's timeout is for each read: a server that sends a byte now and then never exceeds it.
    """
    done = threading.Event()

    def cut() -> None:
        late = not done.wait(_TOTAL)
        while late and not done.wait(_CUT):  # again, since TLS puts another socket in its place
            if server.sock:
                with contextlib.suppress(OSError):
                    # Not the method of a TLS socket, which would forget TLS during a read.
                    socket.socket.shutdown(server.sock, socket.SHUT_RDWR)

    watch = threading.Thread(target=cut, name="smtp-limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


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
