"""The RPCs of DevelopmentMailboxService."""

import grpc

from attune.notifications.v1.development_mailbox_service_pb2 import (
    ListDevelopmentMessagesRequest,
    ListDevelopmentMessagesResponse,
)
from attune.notifications.v1.development_mailbox_service_pb2_grpc import (
    DevelopmentMailboxServiceServicer,
)
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound
from common.rpc.access import allow
from notifications import messages
from notifications.store import development_messages

_MOST = 50  # messages


class DevelopmentMailboxServicer(DevelopmentMailboxServiceServicer):
    """Shows the messages that would have been sent, if the mailbox is open."""

    def __init__(self, database: Database, is_open: bool) -> None:
        self._database = database
        self._is_open = is_open

    @allow("mailbox:read")
    def ListDevelopmentMessages(
        self, request: ListDevelopmentMessagesRequest, context: grpc.ServicerContext
    ) -> ListDevelopmentMessagesResponse:
        """Return the 50 newest messages (spec NT-9).

        Errors: NOT_FOUND unless this is a development system with the development channel.
        """
        if not self._is_open:
            raise NotFound
        with self._database.transaction(EVERY_PRACTICE) as session:
            rows = development_messages.newest(session, request.to, _MOST)
            return ListDevelopmentMessagesResponse(messages=map(messages.development_message, rows))
