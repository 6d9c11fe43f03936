"""Physical rooms."""

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.physical_room_service_pb2 import ListPhysicalRoomsRequest
from common.errors import Invalid
from common.rpc.identity import acting_as
from services.availability.tests.availability_world import (
    Practice,
    World,
)


def test_rooms_are_listed_by_name(world: World, practice: Practice) -> None:
    Practice(world).room("Elsewhere")
    green, blue = practice.room(" Green room "), practice.room("Blue room", "2 Oak Lane")
    with acting_as(practice.owner):
        found = practice.rpc.ListPhysicalRooms(ListPhysicalRoomsRequest()).physical_rooms
    assert list(found) == [
        av.PhysicalRoom(room_id=blue, name="Blue room", address="2 Oak Lane"),
        av.PhysicalRoom(room_id=green, name="Green room"),
    ]
    for name, reason in (("", "REQUIRED"), ("\x00", "INVALID_TEXT"), ("x" * 201, "TOO_LONG")):
        with pytest.raises(Invalid) as raised:
            practice.room(name)
        assert (raised.value.reason, raised.value.field) == (reason, "physical_room.name")
