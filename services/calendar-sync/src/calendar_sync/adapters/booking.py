"""The booking service, which owns the bookings that a feed shows."""

from collections.abc import Iterator
from uuid import UUID

import grpc

from attune.booking.v1.booking_pb2 import Booking, BookingStatus
from attune.booking.v1.booking_service_pb2 import ListBookingsRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from calendar_sync.domain import SHOWN, Range
from common import proto
from common.rpc import identity
from common.rpc.identity import Identity

_PAGE = 200  # bookings


class Bookings:
    """The calls of calendar-sync to booking."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._bookings = BookingServiceStub(channel)

    def list_shown(self, practice_id: UUID, provider_id: UUID, shown: Range) -> Iterator[Booking]:
        """Yield the bookings that the feed of a provider shows.

        A booking that is moved during the read may come twice, the later version last. The calls
        are made as this service.
        """
        request = ListBookingsRequest(
            provider_id=str(provider_id),
            from_time=proto.timestamp(shown.start),
            to_time=proto.timestamp(shown.end),
            statuses=[proto.value(BookingStatus, status) for status in SHOWN],
            page_size=_PAGE,
        )
        while True:
            with identity.acting_as(Identity("service:calendar-sync", str(practice_id))):
                page = self._bookings.ListBookings(request)
            yield from page.bookings
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
