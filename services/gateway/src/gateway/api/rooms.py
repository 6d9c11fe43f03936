"""Video rooms of bookings."""

from datetime import UTC
from uuid import UUID

from common import proto
from gateway import times
from gateway.api import tags
from gateway.backends import rooms as backend
from gateway.openapi.operation import Access, Operations
from gateway.schemas import rooms as schemas
from gateway.web import links

rooms = Operations("rooms", tags.BOOKINGS)


@rooms.operation(
    "GET",
    "/bookings/<uuid:booking_id>/room",
    schemas.Room,
    access=Access.STAFF_OR_LINK,
    errors=(404, 422),
)
def get_room(booking_id: UUID) -> schemas.Room:
    """Get a booking's video room

    For confirmed telehealth bookings. `join_url` is the caller's own link: the provider's for
    staff, the client's with a manage link.
    """
    room, join_token = backend.get(str(booking_id))
    return schemas.Room(
        join_url=links.join(join_token),
        start=times.text(proto.instant(room.start_time), UTC),
        end=times.text(proto.instant(room.end_time), UTC),
        opens_at=times.text(proto.instant(room.open_time), UTC),
        closes_at=times.text(proto.instant(room.close_time), UTC),
    )
