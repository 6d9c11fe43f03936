"""Use cases: rooms follow their bookings, and links are read, used, and replaced."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from common import audit
from common.errors import NotFound
from common.rpc import access
from common.rpc.access import Reach
from common.rpc.identity import Identity
from telehealth_rooms import store
from telehealth_rooms.domain import BOTH, NONE, Appointment, Leeway, Side, Window
from telehealth_rooms.store import Room


class RoomNotFound(NotFound):
    """This booking has no video room."""


class LinkNotValid(NotFound):
    """This link isn't valid.

    A link that was valid once has the details `practice_id` and `provider_id`, so that its holder
    can be told whom to contact.
    """


def follow_booking(
    session: Session, appointment: Appointment, now: datetime, *, whatever_was_known: bool = False
) -> Room:
    """Open, move, or close the room of a booking, unless a newer version of the booking is known.

    A booking without a room is kept as a closed one, so that an older event does not open it. With
    `whatever_was_known`, the room is replaced although the version is known: it is wrong.
    """
    store.add_room(session, appointment, now)
    room = store.lock_room(session, appointment.booking_id)
    assert room is not None, "it was there, or has just been added"  # noqa: S101
    if whatever_was_known or appointment.version > room.booking_version:
        _update(session, room, appointment, now)
    return room


def _update(session: Session, room: Room, appointment: Appointment, now: datetime) -> None:
    if room.provider_id != appointment.provider_id:
        # A link is tied to a person: the former provider's link ends.
        store.revoke_link(session, room, Side.PROVIDER, now)
    room.provider_id = appointment.provider_id
    room.client_id = appointment.client_id
    room.start_at = appointment.start_at
    room.end_at = appointment.end_at
    room.booking_version = appointment.version
    if not appointment.has_room:
        room.closed_at = room.closed_at or now
        return
    room.closed_at = None
    for side in BOTH - store.links(session, room.id).keys():
        store.add_link(session, room, side)


def known_room(session: Session, actor: Identity, permission: str, booking_id: UUID) -> Room | None:
    """Return the open room of a booking, or None if the booking is not known here.

    Raises RoomNotFound if the room is closed or beyond the actor's permission.
    """
    room = store.room_of(session, booking_id)
    if room is not None and (room.closed_at or not sides(actor, permission, room)):
        raise RoomNotFound
    return room


def sides(actor: Identity, permission: str, room: Room) -> frozenset[Side]:
    """Return the sides of a room that a permission covers for an actor (spec RM-1, CL-3).

    A manage link opens the room of its own booking only.
    """
    reach = access.reach(actor, permission)
    if actor.is_service:
        return BOTH if reach is Reach.PRACTICE else NONE
    if actor.is_staff:
        own = reach is Reach.OWN and actor.provider_id == str(room.provider_id)
        return frozenset({Side.PROVIDER}) if own or reach is Reach.PRACTICE else NONE
    own = actor.client_id == str(room.client_id) and reach is Reach.OWN
    own = own and actor.booking_id in ("", str(room.booking_id))
    return frozenset({Side.CLIENT}) if own else NONE


def read_links(session: Session, actor: Identity, room: Room) -> dict[Side, str]:
    """Return the tokens of the links that an actor may have."""
    tokens = store.links(session, room.id)
    audit.record(session, "room.read", room=room.id, booking=room.booking_id)
    return {side: tokens[side] for side in sides(actor, "video_rooms:read", room)}


def use_link(session: Session, token: str, leeway: Leeway, now: datetime) -> tuple[Room, Side]:
    """Return the room that a token opens, and for which side.

    Raises LinkNotValid for every token that opens nothing, whatever the reason (spec RM-2).
    """
    found = store.find_link(session, token)
    if found is None:
        raise LinkNotValid
    room, side = found
    if room.closed_at or window(room, leeway).is_over(now):
        raise LinkNotValid(practice_id=str(room.practice_id), provider_id=str(room.provider_id))
    audit.record(
        session,
        "join_link.use",
        practice_id=room.practice_id,
        room=room.id,
        booking=room.booking_id,
        side=side,
    )
    return room, side


def replace_link(session: Session, room: Room, side: Side, now: datetime) -> str:
    """Return the token of a new link for one side; the old link opens nothing any more (spec RM-2).

    Raises RoomNotFound if the room has been closed since.
    """
    locked = store.lock_room(session, room.booking_id)
    if locked is None or locked.closed_at:
        raise RoomNotFound
    store.revoke_link(session, locked, side, now)
    token = store.add_link(session, locked, side)
    audit.record(session, "join_link.replace", room=locked.id, booking=locked.booking_id, side=side)
    return token


def window(room: Room, leeway: Leeway) -> Window:
    """Return when the links of a room work."""
    return Window.around(room.start_at, room.end_at, leeway)
