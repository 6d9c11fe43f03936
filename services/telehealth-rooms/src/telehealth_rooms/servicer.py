"""The RPCs of telehealth-rooms. Tokens are answered, never logged."""

from datetime import datetime
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attune.booking.v1.booking_service_pb2 import GetBookingRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from attune.telehealth_rooms.v1.room_service_pb2_grpc import (
    RoomServiceServicer,
    add_RoomServiceServicer_to_server,
)
from common import audit, ids
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Invalid, NotFound
from common.rpc import identity
from common.rpc.access import allow
from common.rpc.identity import Identity
from common.rpc.server import Servicers
from telehealth_rooms import domain, store
from telehealth_rooms.domain import Appointment, Leeway, Side, Window

_SIDES = {pb.SIDE_PROVIDER: Side.PROVIDER, pb.SIDE_CLIENT: Side.CLIENT}
_MESSAGES = {side: number for number, side in _SIDES.items()}


class RoomNotFound(NotFound):
    """This booking has no video room."""


class LinkNotValid(NotFound):
    """This link is not valid."""


class TelehealthRoomsServicer(RoomServiceServicer):
    """Video rooms and the links into them."""

    def __init__(
        self, database: Database, clock: Clock, bookings: BookingServiceStub, leeway: Leeway
    ) -> None:
        self._database = database
        self._clock = clock
        self._bookings = bookings
        self._leeway = leeway

    @allow("video_rooms:read")
    def GetRoom(
        self, request: pb.GetRoomRequest, context: grpc.ServicerContext
    ) -> pb.GetRoomResponse:
        """The open room of a booking with the links that are the caller's (spec RM-1).

        Errors: ROOM_NOT_FOUND, also for what the caller may not see.
        """
        room = self._open_room(ids.parse(request.booking_id, "booking_id"))
        with self._database.transaction(room.practice_id) as session:
            tokens = store.links(session, room.id)
            audit.record(session, "room.read", room=room.id, booking=room.booking_id)
        theirs = _sides(identity.caller(), room)
        return pb.GetRoomResponse(
            room=self._message(room),
            provider_token=tokens[Side.PROVIDER] if Side.PROVIDER in theirs else "",
            client_token=tokens[Side.CLIENT] if Side.CLIENT in theirs else "",
        )

    @allow("join_links:use")
    def ResolveLink(
        self, request: pb.ResolveLinkRequest, context: grpc.ServicerContext
    ) -> pb.ResolveLinkResponse:
        """What a join link opens (spec RM-2); before its time it says when.

        Errors: LINK_NOT_VALID for every link that does not, whatever the cause.
        """
        now = self._clock.now()
        # The token alone says whose room it is.
        with self._database.transaction(EVERY_PRACTICE) as session:
            found = store.find_link(session, request.token)
            if found is None or self._window(found[0]).is_over(now):
                raise LinkNotValid
            room, side = found
            audit.record(
                session,
                "join_link.use",
                practice_id=room.practice_id,
                room=room.id,
                booking=room.booking_id,
                side=side,
            )
        return pb.ResolveLinkResponse(
            room=self._message(room), side=_MESSAGES[side], open=self._window(room).is_open(now)
        )

    @allow("video_rooms:change")
    def ReplaceLink(
        self, request: pb.ReplaceLinkRequest, context: grpc.ServicerContext
    ) -> pb.ReplaceLinkResponse:
        """A new link for one side (spec RM-2).

        Errors: ROOM_NOT_FOUND, also for what the caller may not see.
        """
        side = _SIDES.get(request.side)
        if side is None:
            raise Invalid("Name the side.", field="side", reason="INVALID_SIDE")
        room = self._open_room(ids.parse(request.booking_id, "booking_id"))
        with self._database.transaction(room.practice_id) as session:
            locked = store.lock_room(session, room.booking_id)
            if locked is None or locked.closed_at:
                raise RoomNotFound
            token = store.replace_link(session, locked, side, self._clock.now())
            audit.record(
                session,
                "join_link.replace",
                room=locked.id,
                booking=locked.booking_id,
                side=side,
            )
        return pb.ReplaceLinkResponse(token=token)

    def _open_room(self, booking_id: UUID) -> store.Room:
        """The open room of a booking that the caller may see; raises RoomNotFound."""
        caller = identity.caller()
        if not caller.practice_id:
            raise RoomNotFound
        with self._database.transaction(caller.practice_id) as session:
            room = store.room_of(session, booking_id)
        if room is None or room.closed_at:
            # Booking knows before its event arrives here.
            room = self._ask_booking(caller.practice_id, booking_id)
        if room.closed_at or not _sides(caller, room):
            raise RoomNotFound
        return room

    def _ask_booking(self, practice_id: str, booking_id: UUID) -> store.Room:
        with identity.acting_as(Identity("service:telehealth-rooms", practice_id)):
            try:
                answer = self._bookings.GetBooking(GetBookingRequest(booking_id=str(booking_id)))
            except NotFound:
                raise RoomNotFound from None
        appointment = Appointment.of(answer.booking)
        if not appointment.has_room or str(appointment.practice_id) != practice_id:
            raise RoomNotFound
        with self._database.transaction(practice_id) as session:
            return store.follow(session, appointment, self._clock.now())

    def _window(self, room: store.Room) -> Window:
        return Window.around(room.start_at, room.end_at, self._leeway)

    def _message(self, room: store.Room) -> pb.Room:
        window = self._window(room)
        return pb.Room(
            room_id=str(room.id),
            booking_id=str(room.booking_id),
            start_time=_timestamp(room.start_at),
            end_time=_timestamp(room.end_at),
            open_time=_timestamp(window.open_at),
            close_time=_timestamp(window.close_at),
        )


def _sides(caller: Identity, room: store.Room) -> frozenset[Side]:
    return domain.sides_of(caller, room.booking_id, room.provider_id, room.client_id)


def _timestamp(at: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


def servicers(
    database: Database, clock: Clock, bookings: BookingServiceStub, leeway: Leeway
) -> Servicers:
    """Return the servicers of this service."""
    servicer = TelehealthRoomsServicer(database, clock, bookings, leeway)
    return [
        (add_RoomServiceServicer_to_server, servicer),
    ]
