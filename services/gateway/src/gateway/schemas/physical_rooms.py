"""Physical rooms."""

from typing import Annotated

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import Answer, Line, Named, Request


class NewPhysicalRoom(Request):
    """A room that one session at a time can use."""

    example = {"name": "Garden room", "address": "12 Willow Street, Brooklyn, NY 11201"}

    name: Named
    address: Annotated[Line, Field(max_length=200)] = ""


class PhysicalRoom(Answer):
    """A room that one session at a time can use."""

    example = {"id": examples.ROOM_ID, **NewPhysicalRoom.example}

    id: str
    name: str
    address: str


class PhysicalRooms(Answer):
    """The practice's rooms."""

    example = {"physical_rooms": [PhysicalRoom.example]}

    physical_rooms: list[PhysicalRoom]
