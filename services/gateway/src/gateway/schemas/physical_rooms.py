"""Physical rooms."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.types import Answer, Line, Named, Request


class NewPhysicalRoom(Request):
    """A room of the practice which one session at a time can use."""

    name: Named
    address: Annotated[Line, Field(max_length=200)] = ""


class PhysicalRoom(Answer):
    """A room of the practice which one session at a time can use."""

    id: str
    name: str
    address: str


class PhysicalRooms(Answer):
    """The practice's physical rooms."""

    physical_rooms: list[PhysicalRoom]
