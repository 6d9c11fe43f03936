"""Notices that could not be delivered, in notifications."""

from collections.abc import Sequence

from attune.notifications.v1 import notice_service_pb2 as rpc
from attune.notifications.v1.notice_service_pb2 import Notice
from common.db.cursor import Page
from gateway.backends.stubs import stubs


def of_booking(booking_id: str) -> Sequence[Notice]:
    """Return the notices of a booking that the caller may see, oldest first."""
    request = rpc.ListBookingNoticesRequest(booking_id=booking_id)
    return stubs().notices.ListBookingNotices(request).notices


def failed_page(size: int, token: str) -> Page[Notice]:
    """Return a page of notices that failed at their last attempt."""
    request = rpc.ListFailedNoticesRequest(page_size=size, page_token=token)
    found = stubs().notices.ListFailedNotices(request)
    return Page(found.notices, found.next_page_token)


def resend(notice_id: str) -> Notice:
    """Send a failed notice again."""
    return stubs().notices.ResendNotice(rpc.ResendNoticeRequest(notice_id=notice_id)).notice
