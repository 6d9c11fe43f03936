"""Physical rooms of the practice."""

from attune.availability.v1 import availability_pb2 as pb
from gateway.api import tags
from gateway.backends import physical_rooms as backend
from gateway.openapi.operation import Access, Operations, request_id
from gateway.schemas import physical_rooms as schemas

physical_rooms = Operations("physical_rooms", tags.PRACTICE)


@physical_rooms.operation(
    "GET", "/physical-rooms", schemas.PhysicalRooms, access=Access.STAFF, cached=True
)
def list_physical_rooms() -> schemas.PhysicalRooms:
    """List rooms

    Returns the rooms for in-person sessions.
    """
    return schemas.PhysicalRooms(physical_rooms=[_answer(room) for room in backend.all_rooms()])


@physical_rooms.operation(
    "POST",
    "/physical-rooms",
    schemas.PhysicalRoom,
    status=201,
    access=Access.STAFF,
    body=schemas.NewPhysicalRoom,
    errors=(409, 422),
    idempotent=True,
)
def create_physical_room(body: schemas.NewPhysicalRoom) -> schemas.PhysicalRoom:
    """Add a room

    One session at a time can use a room.
    """
    return _answer(backend.create(body.name, body.address, request_id=request_id()))


def _answer(room: pb.PhysicalRoom) -> schemas.PhysicalRoom:
    return schemas.PhysicalRoom(id=room.room_id, name=room.name, address=room.address)
