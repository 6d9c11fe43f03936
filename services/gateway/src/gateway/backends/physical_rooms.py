"""Physical rooms of the practice, in availability."""

from collections.abc import Sequence

from attune.availability.v1 import physical_room_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import PhysicalRoom
from gateway.backends.stubs import stubs


def all_rooms() -> Sequence[PhysicalRoom]:
    """Return the practice's physical rooms."""
    return stubs().physical_rooms.ListPhysicalRooms(rpc.ListPhysicalRoomsRequest()).physical_rooms


def create(name: str, address: str, *, request_id: str) -> PhysicalRoom:
    """Add a physical room and return it as saved."""
    request = rpc.CreatePhysicalRoomRequest(
        request_id=request_id, physical_room=PhysicalRoom(name=name, address=address)
    )
    return stubs().physical_rooms.CreatePhysicalRoom(request).physical_room
