"""OccupancyService: taken time, for services that keep a projection of it."""

import grpc

from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeRequest, ListTakenTimeResponse
from attune.booking.v1.occupancy_service_pb2_grpc import OccupancyServiceServicer
from booking import messages
from booking.store import occupancy
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.rpc.access import allow
from common.rpc.identity import caller


class OccupancyServicer(OccupancyServiceServicer):
    """Taken time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @allow("occupancy:read")
    def ListTakenTime(
        self, request: ListTakenTimeRequest, context: grpc.ServicerContext
    ) -> ListTakenTimeResponse:
        """List all taken time of one resource that has not ended, with its revision."""
        now = self._clock.now()
        with self._database.transaction(caller().practice_id or EVERY_PRACTICE) as session:
            revision, taken = occupancy.list_taken(session, request.resource_number, now)
        return ListTakenTimeResponse(
            taken=[messages.taken_time(one.resources[0], one) for one in taken],
            revision=revision,
        )
