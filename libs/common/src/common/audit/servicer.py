"""The RPC by which a practice's owner reads the audit of one service."""

import grpc

from attune.audit.v1 import audit_service_pb2 as pb
from attune.audit.v1.audit_service_pb2_grpc import AuditServiceServicer
from common import validation
from common.audit.entries import Entry, Wanted, page, record
from common.db import cursor
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller

LISTED = "audit"
"""The list that page tokens belong to."""


class AuditServicer(AuditServiceServicer):
    """Reads the audit, and records that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("audit:read")
    def ListEntries(
        self, request: pb.ListEntriesRequest, context: grpc.ServicerContext | None = None
    ) -> pb.ListEntriesResponse:
        """Entries of the caller's practice, newest first, with their addresses in clear."""
        size, after = (
            validation.page_size(request.page_size),
            cursor.place(request.page_token, LISTED),
        )
        start, end = validation.span(request)
        wanted = Wanted(
            start,
            end,
            subject=validation.optional_line(request.subject, "subject"),
            action=validation.optional_line(request.action, "action"),
            thing=validation.optional_line(request.thing, "thing"),
            request=validation.optional_line(request.request, "request"),
        )
        with self._database.transaction(caller().practice_id) as session:
            found = page(session, wanted, after, size + 1)
            shown = found[:size]
            record(session, "audit.read", shown=len(shown))
        last = shown[-1] if len(found) > size else None
        return pb.ListEntriesResponse(
            entries=map(_message, shown),
            next_page_token=cursor.Place(last.at, last.id).token(LISTED) if last else "",
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
