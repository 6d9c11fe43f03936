"""Booking, which knows bookings before their events arrive here."""

from uuid import UUID

import grpc

from attune.booking.v1.booking_service_pb2 import GetBookingRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from common.rpc import identity
from common.rpc.identity import Identity
from telehealth_rooms import messages
from telehealth_rooms.domain import Appointment


class Bookings:
    """The calls of telehealth-rooms to booking."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._bookings = BookingServiceStub(channel)

    def get(self, practice_id: str, booking_id: UUID) -> Appointment:
        """Return a booking of the practice.

        The call is made as this service, not as the present caller. Raises NotFound.
        """
        with identity.acting_as(Identity("service:telehealth-rooms", practice_id)):
            answer = self._bookings.GetBooking(GetBookingRequest(booking_id=str(booking_id)))
        return messages.appointment(answer.booking, answer.booking.client.client_id)
