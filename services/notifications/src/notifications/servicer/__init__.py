"""The RPCs: a class for each proto service."""

from attune.notifications.v1.development_mailbox_service_pb2_grpc import (
    add_DevelopmentMailboxServiceServicer_to_server,
)
from attune.notifications.v1.notice_service_pb2_grpc import add_NoticeServiceServicer_to_server
from common.clock import Clock
from common.db.database import Database
from common.rpc.server import Servicers
from notifications.servicer.development_mailbox import DevelopmentMailboxServicer
from notifications.servicer.notices import NoticeServicer


def servicers(database: Database, clock: Clock, mailbox: bool) -> Servicers:
    """Return the servicers of this service. `mailbox` opens the development mailbox."""
    return [
        (add_NoticeServiceServicer_to_server, NoticeServicer(database, clock)),
        (
            add_DevelopmentMailboxServiceServicer_to_server,
            DevelopmentMailboxServicer(database, mailbox),
        ),
    ]
