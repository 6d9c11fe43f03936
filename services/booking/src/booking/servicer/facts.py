"""BookingFactService: the state of bookings, for services that keep a projection of it."""

import grpc

from attune.booking.v1.booking_fact_service_pb2 import (
    ListBookingFactsRequest,
    ListBookingFactsResponse,
)
from attune.booking.v1.booking_fact_service_pb2_grpc import BookingFactServiceServicer
from booking import messages
from booking.store import facts
from common import ids, validation
from common.db.database import EVERY_PRACTICE, Database
from common.rpc.access import allow
from common.rpc.identity import caller


class BookingFactServicer(BookingFactServiceServicer):
    """Ids, times, and amounts, without personal data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("booking_facts:read")
    def ListBookingFacts(
        self, request: ListBookingFactsRequest, context: grpc.ServicerContext
    ) -> ListBookingFactsResponse:
        """List the state of bookings, by their end, or of those that the request names."""
        size = validation.page_size(request.page_size)
        validation.number(len(request.booking_ids), "booking_ids", 0, validation.LARGEST_PAGE)
        wanted = [ids.parse(booking_id, "booking_ids") for booking_id in request.booking_ids]
        end_after = None
        if request.HasField("end_after_time"):
            end_after = validation.instant(request.end_after_time, "end_after_time")
        with self._database.transaction(caller().practice_id or EVERY_PRACTICE) as session:
            if wanted:
                page = facts.of(session, wanted)
            else:
                page = facts.page(session, end_after, request.page_token, size)
            return ListBookingFactsResponse(
                states=[messages.booking_state(row) for row in page.rows],
                next_page_token=page.next_token,
            )
