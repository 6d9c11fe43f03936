"""Which bookings have a room, when its links work, and whose they are."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import Booking
from attune.booking.v1.events_pb2 import BookingFact
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from common.rpc.identity import Identity

_STANDING = frozenset(
    {booking_pb2.BOOKING_STATUS_CONFIRMED, booking_pb2.BOOKING_STATUS_IN_PROGRESS}
)


class Side(StrEnum):
    """Whom a link lets in."""

    PROVIDER = "provider"
    CLIENT = "client"


BOTH = frozenset(Side)
NONE: frozenset[Side] = frozenset()


@dataclass(frozen=True)
class Appointment:
    """What a room needs to know of its booking, as of one version."""

    booking_id: UUID
    practice_id: UUID
    provider_id: UUID
    client_id: UUID
    start_at: datetime
    end_at: datetime
    version: int
    # Whether it stands, and is held by video.
    has_room: bool

    @classmethod
    def of(cls, booking: Booking | BookingFact) -> Self:
        """As booking answers, or as its events tell."""
        client_id = booking.client_id if isinstance(booking, BookingFact) else _client_of(booking)
        return cls(
            booking_id=UUID(booking.booking_id),
            practice_id=UUID(booking.practice_id),
            provider_id=UUID(booking.provider_id),
            client_id=UUID(client_id),
            start_at=booking.start_time.ToDatetime(UTC),
            end_at=booking.end_time.ToDatetime(UTC),
            version=booking.version,
            has_room=booking.mode == MODE_TELEHEALTH and booking.status in _STANDING,
        )


def _client_of(booking: Booking) -> str:
    return booking.client.client_id


def sides_of(
    caller: Identity, booking_id: UUID, provider_id: UUID, client_id: UUID
) -> frozenset[Side]:
    """Whose links a caller may have (spec RM-1, CL-3); none: the room does not exist to them.

    A manage link opens its own booking alone.
    """
    if caller.is_service:
        return BOTH
    if caller.is_staff:
        own = caller.provider_id == str(provider_id)
        return frozenset({Side.PROVIDER}) if own or caller.sees_whole_practice else NONE
    own = caller.client_id == str(client_id) and caller.booking_id in ("", str(booking_id))
    return frozenset({Side.CLIENT}) if own else NONE


@dataclass(frozen=True)
class Leeway:
    """How long before the planned start and after the planned end links work (spec RM-2)."""

    before: timedelta = timedelta(minutes=15)
    after: timedelta = timedelta(minutes=60)


@dataclass(frozen=True)
class Window:
    """When links work: `[open_at, close_at)`."""

    open_at: datetime
    close_at: datetime

    @classmethod
    def around(cls, start_at: datetime, end_at: datetime, leeway: Leeway) -> Self:
        """That of a session planned for `[start_at, end_at)`."""
        return cls(start_at - leeway.before, end_at + leeway.after)

    def is_open(self, now: datetime) -> bool:
        return self.open_at <= now < self.close_at

    def is_over(self, now: datetime) -> bool:
        return now >= self.close_at
