"""The development mailbox in place of a mail server (spec NT-9)."""

from email.message import EmailMessage
from uuid import UUID

from common.clock import Clock
from common.db.database import Database
from notifications.store import development_messages


class MailboxChannel:
    """Keeps every message, encrypted, for a developer to read."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, practice_id: UUID, message: EmailMessage) -> None:
        """Keep a message, unless one with its Message-ID is there."""
        with self._database.transaction(practice_id) as session:
            development_messages.add(
                session,
                practice_id=practice_id,
                message_id=message["Message-ID"],
                to=message["To"].addresses[0].addr_spec,
                source=message.as_string(),
                now=self._clock.now(),
            )
