"""The development mailbox, in notifications (spec NT-9)."""

from collections.abc import Sequence

from attune.notifications.v1 import development_mailbox_service_pb2 as rpc
from attune.notifications.v1.development_mailbox_service_pb2 import DevelopmentMessage
from gateway.backends.stubs import stubs


def messages(to: str) -> Sequence[DevelopmentMessage]:
    """Return the last messages to an address, or to everybody without one, the newest first."""
    request = rpc.ListDevelopmentMessagesRequest(to=to)
    return stubs().development_mailbox.ListDevelopmentMessages(request).messages
