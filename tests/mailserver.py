"""A mail server that can be down, and can refuse recipients permanently."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.controller import Controller

from attune_local.servers import free_port


class MailServer:
    """A mail server that keeps what it receives.

    It is down until `start`, and keeps its port after a restart.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.refused: set[str] = set()
        """Recipients that it refuses for good."""
        self._taken: list[tuple[str, EmailMessage]] = []
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Accept mail from now on."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Stop accepting connections."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    def to(self, address: str) -> list[EmailMessage]:
        """Return the messages for an address, oldest first."""
        return [message for recipient, message in self._taken if recipient == address]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return "550 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        message = message_from_bytes(envelope.content, EmailMessage, policy=default)
        self._taken.extend((address, message) for address in envelope.rcpt_tos)
        return "250 OK"
