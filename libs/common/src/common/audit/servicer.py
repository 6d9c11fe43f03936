"""The RPC with which a practice's owner reads the audit trail of one service."""

import grpc

from attune.audit.v1 import audit_service_pb2 as pb
from attune.audit.v1.audit_service_pb2_grpc import AuditServiceServicer
from common import validation
from common.audit.entries import Entry, Filter, page, record
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class AuditServicer(AuditServiceServicer):
    """Reads the audit trail, and records each reading."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("audit:read")
    def ListEntries(
        self, request: pb.ListEntriesRequest, context: grpc.ServicerContext | None = None
    ) -> pb.ListEntriesResponse:
        """List entries of the caller's practice, newest first, with their addresses in clear."""
        size = validation.page_size(request.page_size)
        start, end = validation.span(request)
        filter_by = Filter(
            start,
            end,
            subject=validation.optional_line(request.subject, "subject"),
            action=validation.optional_line(request.action, "action"),
            thing=validation.optional_line(request.thing, "thing"),
            request=validation.optional_line(request.request, "request"),
        )
        with self._database.transaction(caller().practice_id) as session:
            found = page(session, filter_by, request.page_token, size)
            record(session, "audit.read", shown=len(found.rows))
        return pb.ListEntriesResponse(
            entries=map(_message, found.rows), next_page_token=found.next_token
        )


def _message(entry: Entry) -> pb.Entry:
    message = pb.Entry(
        entry_id=str(entry.id),
        subject=entry.subject,
        action=entry.action,
        things=entry.things,
        request=entry.request,
        address=entry.address,
        position=entry.position or 0,
    )
    message.create_time.FromDatetime(entry.at)
    return message
