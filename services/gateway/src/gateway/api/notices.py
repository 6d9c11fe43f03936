"""Notices that could not be delivered."""

from datetime import UTC
from uuid import UUID

from attune.notifications.v1 import notice_service_pb2 as rpc
from gateway import times
from gateway.api.operation import Access, Operations, paging
from gateway.backends import backends
from gateway.schemas import access as schemas
from gateway.schemas.bookings import PageQuery

notices = Operations("notices", "Notices that could not be delivered.")


@notices.operation(
    "GET",
    "/notices/failed",
    schemas.Notices,
    access=Access.STAFF,
    query=PageQuery,
    errors=(404,),
)
def list_failed_notices(query: PageQuery) -> schemas.Notices:
    """Notices that were given up after their last attempt"""
    with paging():
        found = backends().notices.ListFailedNotices(
            rpc.ListFailedNoticesRequest(page_size=query.limit, page_token=query.cursor or "")
        )
    return schemas.Notices(
        notices=[_answer(notice) for notice in found.notices],
        next=found.next_page_token or None,
    )


@notices.operation(
    "POST",
    "/notices/<uuid:notice_id>/resend",
    schemas.Notice,
    access=Access.STAFF,
    errors=(404, 409, 422),
)
def resend_notice(notice_id: UUID) -> schemas.Notice:
    """Send a failed notice again"""
    request = rpc.ResendNoticeRequest(notice_id=str(notice_id))
    return _answer(backends().notices.ResendNotice(request).notice)


def _answer(notice: rpc.Notice) -> schemas.Notice:
    return schemas.Notice(
        id=notice.notice_id,
        booking=notice.booking_id,
        recipient=notice.recipient,
        kind=notice.kind,
        attempts=notice.attempts,
        error=notice.error,
        created_at=times.text(times.instant(notice.create_time), UTC),
    )
