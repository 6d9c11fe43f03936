"""Notices that could not be delivered, in notifications."""

from collections.abc import Sequence

from attune.notifications.v1 import notice_service_pb2 as rpc
from attune.notifications.v1.notice_service_pb2 import Notice
from common.db.cursor import Page
from common.errors import DomainError
from common.resilience import deadline
from gateway.backends.stubs import stubs
from gateway.settings import settings

_CALL_SHARE = 0.5  # of a call's time: no page waits longer for what it can do without


def of_booking(booking_id: str) -> Sequence[Notice]:
    """Return the notices of a booking that the caller may see, oldest first."""
    request = rpc.ListBookingNoticesRequest(booking_id=booking_id)
    return stubs().notices.ListBookingNotices(request).notices


def of_booking_or_none(booking_id: str) -> Sequence[Notice]:
    """Return the notices of a booking; none while notifications does not answer in time.

    A page that shows a booking does not fail for them (spec PF-13).
    """
    try:
        with deadline.within(settings().call_seconds * _CALL_SHARE):
            return of_booking(booking_id)
    except DomainError:
        return ()


def failed_page(size: int, token: str) -> Page[Notice]:
    """Return a page of notices that failed at their last attempt."""
    request = rpc.ListFailedNoticesRequest(page_size=size, page_token=token)
    found = stubs().notices.ListFailedNotices(request)
    return Page(found.notices, found.next_page_token)


def resend(notice_id: str) -> Notice:
    """Send a failed notice again."""
    return stubs().notices.ResendNotice(rpc.ResendNoticeRequest(notice_id=notice_id)).notice
