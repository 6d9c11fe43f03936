"""The RPCs of RoomService. Tokens are in answers, never in logs."""

import contextlib
from collections.abc import Iterator

import grpc
from sqlalchemy.orm import Session

from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from attune.telehealth_rooms.v1.room_service_pb2_grpc import (
    RoomServiceServicer,
    add_RoomServiceServicer_to_server,
)
from common import ids, proto
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound
from common.rpc.access import allow
from common.rpc.identity import caller
from common.rpc.server import Servicers
from telehealth_rooms import actions, messages
from telehealth_rooms.actions import RoomNotFound
from telehealth_rooms.adapters.booking import Bookings
from telehealth_rooms.domain import Leeway, Side
from telehealth_rooms.store import Room


class RoomServicer(RoomServiceServicer):
    """Video rooms and the links into them."""

    def __init__(
        self, database: Database, clock: Clock, bookings: Bookings, leeway: Leeway
    ) -> None:
        self._database = database
        self._clock = clock
        self._bookings = bookings
        self._leeway = leeway

    @allow("video_rooms:read")
    def GetRoom(
        self, request: pb.GetRoomRequest, context: grpc.ServicerContext
    ) -> pb.GetRoomResponse:
        """Return the open room of a booking with the caller's links (spec RM-1).

        Errors: ROOM_NOT_FOUND, also for rooms that the caller may not see.
        """
        with self._open_room("video_rooms:read", request.booking_id) as (session, room):
            tokens = actions.read_links(session, caller(), room)
        return pb.GetRoomResponse(
            room=self._message(room),
            provider_token=tokens.get(Side.PROVIDER, ""),
            client_token=tokens.get(Side.CLIENT, ""),
        )

    @allow("join_links:use")
    def ResolveLink(
        self, request: pb.ResolveLinkRequest, context: grpc.ServicerContext
    ) -> pb.ResolveLinkResponse:
        """Return the room that a join link opens, and whether it is open yet (spec RM-2).

        Errors: LINK_NOT_VALID for every link that opens nothing, whatever the reason.
        """
        now = self._clock.now()
        # Only the token tells whose room it is.
        with self._database.transaction(EVERY_PRACTICE) as session:
            room, side = actions.use_link(session, request.token, self._leeway, now)
        return pb.ResolveLinkResponse(
            room=self._message(room),
            side=proto.value(pb.Side, side),
            open=actions.window(room, self._leeway).is_open(now),
        )

    @allow("video_rooms:change")
    def ReplaceLink(
        self, request: pb.ReplaceLinkRequest, context: grpc.ServicerContext
    ) -> pb.ReplaceLinkResponse:
        """Replace the link of one side (spec RM-2).

        Errors: ROOM_NOT_FOUND, also for rooms that the caller may not see.
        """
        side = messages.side(request.side)
        with self._open_room("video_rooms:change", request.booking_id) as (session, room):
            token = actions.replace_link(session, room, side, self._clock.now())
        return pb.ReplaceLinkResponse(token=token)

    @contextlib.contextmanager
    def _open_room(self, permission: str, booking_id: str) -> Iterator[tuple[Session, Room]]:
        """Open a transaction with the open room of a booking that the caller has a permission for.

        Booking is asked only if no event of the booking has arrived yet. Raises RoomNotFound.
        """
        booking, practice_id = ids.parse(booking_id, "booking_id"), caller().practice_id
        if not practice_id:
            raise RoomNotFound
        with self._database.transaction(practice_id) as session:
            room = actions.known_room(session, caller(), permission, booking)
            if room is not None:
                yield session, room
                return
        try:
            appointment = self._bookings.get(practice_id, booking)
        except NotFound:
            raise RoomNotFound from None
        if not appointment.has_room or str(appointment.practice_id) != practice_id:
            raise RoomNotFound
        with self._database.transaction(practice_id) as session:
            actions.follow_booking(session, appointment, self._clock.now())
        with self._database.transaction(practice_id) as session:
            room = actions.known_room(session, caller(), permission, booking)
            assert room is not None, "it follows the booking now"  # noqa: S101
            yield session, room

    def _message(self, room: Room) -> pb.Room:
        return messages.room(room, actions.window(room, self._leeway))


def servicers(database: Database, clock: Clock, bookings: Bookings, leeway: Leeway) -> Servicers:
    """Return the servicers of this service."""
    servicer = RoomServicer(database, clock, bookings, leeway)
    return [(add_RoomServiceServicer_to_server, servicer)]
