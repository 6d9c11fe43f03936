"""Notices that could not be delivered."""

from datetime import UTC
from uuid import UUID

from attune.notifications.v1 import notice_service_pb2 as pb
from common import proto
from gateway import times
from gateway.api.paging import cursor_errors
from gateway.backends import notices as backend
from gateway.openapi.operation import Access, Operations, Tag
from gateway.openapi.types import PageQuery
from gateway.schemas import notices as schemas

notices = Operations("notices", Tag("Notices", "Emails that could not be delivered."))


@notices.operation(
    "GET",
    "/notices/failed",
    schemas.Notices,
    access=Access.STAFF,
    query=PageQuery,
    errors=(404,),
)
def list_failed_notices(query: PageQuery) -> schemas.Notices:
    """List failed notices

    Returns the emails that could not be delivered after all attempts.
    """
    with cursor_errors():
        page = backend.failed_page(query.limit, query.cursor or "")
    return schemas.Notices(
        notices=[_answer(notice) for notice in page.rows], next=page.next_token or None
    )


@notices.operation(
    "POST",
    "/notices/<uuid:notice_id>/resend",
    schemas.Notice,
    access=Access.STAFF,
    errors=(404, 409, 422),
)
def resend_notice(notice_id: UUID) -> schemas.Notice:
    """Resend a failed notice

    Queues the email again.
    """
    return _answer(backend.resend(str(notice_id)))


def _answer(notice: pb.Notice) -> schemas.Notice:
    return schemas.Notice(
        id=notice.notice_id,
        booking=notice.booking_id,
        recipient=notice.recipient,
        kind=notice.kind,
        attempts=notice.attempts,
        error=notice.error,
        created_at=times.text(proto.instant(notice.create_time), UTC),
    )
