"""The telehealth-rooms service, which owns the links into video rooms."""

from uuid import UUID

import grpc

from attune.telehealth_rooms.v1.room_service_pb2 import GetRoomRequest, GetRoomResponse
from attune.telehealth_rooms.v1.room_service_pb2_grpc import RoomServiceStub
from common.rpc import identity
from common.rpc.identity import Identity


class Rooms:
    """The calls of notifications to telehealth-rooms."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._rooms = RoomServiceStub(channel)

    def get(self, practice_id: UUID, booking_id: UUID) -> GetRoomResponse:
        """Return the video room of a booking with both links. Raises NotFound."""
        with identity.acting_as(Identity("service:notifications", str(practice_id))):
            return self._rooms.GetRoom(GetRoomRequest(booking_id=str(booking_id)))
