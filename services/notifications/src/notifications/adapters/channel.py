"""The interface of every channel (spec NT-9).

An error contains its class and code only, since mail servers' messages quote addresses.
"""

from email.message import EmailMessage
from typing import Protocol
from uuid import UUID

from common.errors import Refused, Unavailable


class MailRefused(Refused):
    """The mail server rejected this message permanently."""


class MailServerUnavailable(Unavailable):
    """The mail server is unavailable, or asked to try again later."""


class Channel(Protocol):
    """Takes messages on their way to the reader."""

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        """Take a message. Raises MailRefused or MailServerUnavailable.

        Sending a message again under the same Message-ID changes nothing for the reader.
        """
