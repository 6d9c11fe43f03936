"""Booking's own word on what is taken."""

from attune.booking.v1.booking_service_pb2 import ListTakenTimeRequest, ListTakenTimeResponse
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from common.rpc import identity
from common.rpc.identity import Identity


def list_taken(
    booking: BookingServiceStub, practice_id: object, number: int
) -> ListTakenTimeResponse:
    """All that is taken of a resource and has not ended; asked as this service, whoever is being
    served."""
    with identity.acting_as(Identity("service:availability", str(practice_id))):
        return booking.ListTakenTime(ListTakenTimeRequest(resource_number=number))
