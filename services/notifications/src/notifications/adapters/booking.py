"""The booking service, which owns bookings and their clients."""

from uuid import UUID

import grpc

from attune.booking.v1.booking_pb2 import Booking
from attune.booking.v1.booking_service_pb2 import GetBookingRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from common.rpc import identity
from common.rpc.identity import Identity


class Bookings:
    """The calls of notifications to booking."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._bookings = BookingServiceStub(channel)

    def get(self, practice_id: UUID, booking_id: UUID) -> Booking:
        """Return a booking of the practice. Raises NotFound."""
        with identity.acting_as(Identity("service:notifications", str(practice_id))):
            return self._bookings.GetBooking(GetBookingRequest(booking_id=str(booking_id))).booking
