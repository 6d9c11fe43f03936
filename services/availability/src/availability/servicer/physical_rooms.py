"""Physical rooms."""

import grpc

from attune.availability.v1.physical_room_service_pb2 import (
    CreatePhysicalRoomRequest,
    CreatePhysicalRoomResponse,
    ListPhysicalRoomsRequest,
    ListPhysicalRoomsResponse,
)
from attune.availability.v1.physical_room_service_pb2_grpc import PhysicalRoomServiceServicer
from availability import messages
from availability.actions import physical_rooms as rooms
from availability.actions.setup import practice_of
from availability.servicer.requests import claim
from availability.store import physical_rooms
from common import validation
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class PhysicalRoomServicer(PhysicalRoomServiceServicer):
    """The RPCs about physical rooms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("physical_rooms:read")
    def ListPhysicalRooms(
        self, request: ListPhysicalRoomsRequest, context: grpc.ServicerContext
    ) -> ListPhysicalRoomsResponse:
        """Return the practice's physical rooms, by name."""
        practice_id = practice_of(caller())
        with self._database.transaction(practice_id) as session:
            found = physical_rooms.of_practice(session, practice_id)
            return ListPhysicalRoomsResponse(physical_rooms=[messages.room(row) for row in found])

    @allow("physical_rooms:change")
    def CreatePhysicalRoom(
        self, request: CreatePhysicalRoomRequest, context: grpc.ServicerContext
    ) -> CreatePhysicalRoomResponse:
        """Create a physical room."""
        actor, wanted = caller(), request.physical_room
        name = validation.line(wanted.name, "physical_room.name")
        address = validation.optional_line(wanted.address, "physical_room.address")
        with self._database.transaction(practice_of(actor)) as session:
            practice, request_claim = claim(session, actor, request, CreatePhysicalRoomResponse)
            if request_claim.earlier:
                return request_claim.earlier
            room = rooms.create(session, practice, name=name, address=address)
            return request_claim.answer(
                CreatePhysicalRoomResponse(physical_room=messages.room(room))
            )
