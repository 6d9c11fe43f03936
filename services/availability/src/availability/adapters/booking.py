"""The booking service, the only authority on taken time."""

import grpc

from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeRequest, ListTakenTimeResponse
from attune.booking.v1.occupancy_service_pb2_grpc import OccupancyServiceStub
from common.rpc import identity
from common.rpc.identity import Identity


class Occupancy:
    """The calls of availability to booking."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._occupancy = OccupancyServiceStub(channel)

    def list_taken(self, practice_id: object, number: int) -> ListTakenTimeResponse:
        """Return the time taken of a resource that has not ended, with its revision.

        The call is made as this service, not as the present caller. Raises Unavailable.
        """
        with identity.acting_as(Identity("service:availability", str(practice_id))):
            return self._occupancy.ListTakenTime(ListTakenTimeRequest(resource_number=number))

    def list_all_taken(self, number: int) -> ListTakenTimeResponse:
        """Return the same of a resource of any practice, outside any caller's request."""
        return self._occupancy.ListTakenTime(ListTakenTimeRequest(resource_number=number))
