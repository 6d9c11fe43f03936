"""The RPCs of NoticeService."""

import grpc

from attune.notifications.v1.notice_service_pb2 import (
    ListBookingNoticesRequest,
    ListBookingNoticesResponse,
    ListFailedNoticesRequest,
    ListFailedNoticesResponse,
    ResendNoticeRequest,
    ResendNoticeResponse,
)
from attune.notifications.v1.notice_service_pb2_grpc import NoticeServiceServicer
from common import audit, ids, validation
from common.clock import Clock
from common.db.database import Database
from common.rpc import access
from common.rpc.access import allow
from common.rpc.identity import caller
from notifications import messages
from notifications.actions import queueing
from notifications.store import notices as store
from notifications.store.tables import Notice


class NoticeServicer(NoticeServiceServicer):
    """Lists notices and sends failed ones again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @allow("notices:read")
    def ListBookingNotices(
        self, request: ListBookingNoticesRequest, context: grpc.ServicerContext
    ) -> ListBookingNoticesResponse:
        """Return the notices of a booking that the caller may see, oldest first (spec NT-3)."""
        booking_id = ids.find(request.booking_id)
        visible = access.rows(
            "notices:read",
            caller(),
            practice=Notice.practice_id,
            provider=lambda provider_id: Notice.provider_id == provider_id,
        )
        with self._database.transaction(caller().practice_id) as session:
            rows = store.visible_of_booking(session, visible, booking_id)
            audit.record(session, "notice.list", notice=[r.id for r in rows], booking=booking_id)
        return ListBookingNoticesResponse(notices=map(messages.notice, rows))

    @allow("notices:manage")
    def ListFailedNotices(
        self, request: ListFailedNoticesRequest, context: grpc.ServicerContext
    ) -> ListFailedNoticesResponse:
        """Return the practice's failed notices, newest first (spec NT-3)."""
        size = validation.page_size(request.page_size)
        visible = access.rows("notices:manage", caller(), practice=Notice.practice_id)
        with self._database.transaction(caller().practice_id) as session:
            page = store.failed(session, visible, request.page_token, size)
            audit.record(
                session,
                "notice.list",
                notice=[row.id for row in page.rows],
                booking=[row.booking_id for row in page.rows],
            )
        return ListFailedNoticesResponse(
            notices=map(messages.notice, page.rows), next_page_token=page.next_token
        )

    @allow("notices:manage")
    def ResendNotice(
        self, request: ResendNoticeRequest, context: grpc.ServicerContext
    ) -> ResendNoticeResponse:
        """Queue a failed notice again; one that is queued already stays so (spec NT-3).

        Errors: NOTICE_NOT_FAILED.
        """
        notice_id = ids.find(request.notice_id)
        with self._database.transaction(caller().practice_id) as session:
            notice = queueing.resend(session, notice_id, self._clock.now())
        return ResendNoticeResponse(notice=messages.notice(notice))
