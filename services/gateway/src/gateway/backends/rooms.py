"""Video rooms and the links into them, in telehealth-rooms."""

from typing import NamedTuple

from attune.booking.v1 import booking_pb2
from attune.common.v1 import types_pb2 as types
from attune.telehealth_rooms.v1 import room_service_pb2 as rpc
from attune.telehealth_rooms.v1.room_service_pb2 import Room, Side
from common.errors import DomainError
from common.resilience import deadline
from common.rpc import identity
from common.rpc.identity import Identity
from gateway.backends.stubs import stubs
from gateway.settings import settings

_CALL_SHARE = 0.5  # of a call's time: no answer waits longer for the token that it can do without


class RoomLink(NamedTuple):
    """A booking's room, and the token that lets the caller in."""

    room: Room
    join_token: str


class JoinLink(NamedTuple):
    """The room that a join link opens, and for which side."""

    room: Room
    side: Side.ValueType
    is_open: bool


def get(booking_id: str) -> RoomLink:
    """Return the room of a confirmed telehealth booking. Raises NotFound or Refused."""
    found = stubs().rooms.GetRoom(rpc.GetRoomRequest(booking_id=booking_id))
    # People get the token of their own side alone; only services get both.
    return RoomLink(found.room, found.client_token or found.provider_token)


def join_token(booking: booking_pb2.Booking, viewer: Identity) -> str:
    """Return the token that lets the viewer into a booking's room.

    It is empty if there is no room, or if telehealth-rooms does not answer in time: an answer that
    shows a booking does not fail for the link (spec PF-13).
    """
    if not _has_room(booking):
        return ""
    try:
        with deadline.within(settings().call_seconds * _CALL_SHARE), identity.acting_as(viewer):
            return get(booking.booking_id).join_token
    except DomainError:
        return ""


def resolve_join_token(token: str) -> JoinLink:
    """Return the room that a join link opens. Raises NotFound."""
    found = stubs().rooms.ResolveLink(rpc.ResolveLinkRequest(token=token))
    return JoinLink(found.room, found.side, found.open)


def _has_room(booking: booking_pb2.Booking) -> bool:
    if booking.status == booking_pb2.BOOKING_STATUS_IN_PROGRESS:
        return True
    is_confirmed = booking.status == booking_pb2.BOOKING_STATUS_CONFIRMED
    return is_confirmed and booking.mode == types.MODE_TELEHEALTH
