"""Who hears of what (spec NT-1), how long a notice stays true, and when to try again (NT-3)."""

from datetime import datetime, timedelta
from enum import StrEnum, auto

from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import events_pb2


class Kind(StrEnum):
    """What a notice tells."""

    BOOKING_REQUESTED = auto()
    BOOKING_CONFIRMED = auto()
    BOOKING_DECLINED = auto()
    BOOKING_EXPIRED = auto()
    BOOKING_CANCELLED = auto()
    CANCELLATION_REQUESTED = auto()
    CANCELLATION_DECLINED = auto()


class Recipient(StrEnum):
    """Whom a notice is for."""

    CLIENT = auto()
    PROVIDER = auto()


class State(StrEnum):
    """How a notice stands. `superseded`: what it told was no longer true when it could leave."""

    QUEUED = auto()
    SENT = auto()
    FAILED = auto()
    SUPERSEDED = auto()


BOTH = (Recipient.CLIENT, Recipient.PROVIDER)
CLIENT = (Recipient.CLIENT,)
PROVIDER = (Recipient.PROVIDER,)


def told_of_confirmation(event: events_pb2.BookingConfirmed) -> tuple[Recipient, ...]:
    """A provider who approved a request knows of it."""
    return CLIENT if event.was_requested else BOTH


def told_of_cancellation(event: events_pb2.BookingCancelled) -> tuple[Recipient, ...]:
    """A client's own cancellation is confirmed to them in any case; staff choose whether theirs is
    told (spec CN-1)."""
    if event.cancelled_by == pb.CANCELLED_BY_CLIENT:
        return BOTH
    return CLIENT if event.tell_client else ()


_STANDING = frozenset({pb.BOOKING_STATUS_CONFIRMED, pb.BOOKING_STATUS_IN_PROGRESS})
_TRUE_WHILE = {
    # A request may have been approved before its notice left; its wording allows for that.
    Kind.BOOKING_REQUESTED: _STANDING | {pb.BOOKING_STATUS_REQUESTED},
    Kind.BOOKING_CONFIRMED: _STANDING,
    Kind.BOOKING_DECLINED: frozenset({pb.BOOKING_STATUS_DECLINED}),
    Kind.BOOKING_EXPIRED: frozenset({pb.BOOKING_STATUS_EXPIRED}),
    Kind.BOOKING_CANCELLED: frozenset({pb.BOOKING_STATUS_CANCELLED}),
    Kind.CANCELLATION_REQUESTED: _STANDING,
    Kind.CANCELLATION_DECLINED: _STANDING,
}


def still_true(kind: Kind, booking: pb.Booking) -> bool:
    """Whether the booking still is what the notice says: one that was overtaken before it could
    leave would mislead."""
    if kind is Kind.CANCELLATION_REQUESTED and not booking.cancellation_requested:
        return False
    return booking.status in _TRUE_WHILE[kind]


_WAITS = (1, 5, 15, 60, 120, 300, 600, 1800, *[3600] * 24)  # seconds


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts, for more than a day; then None."""
    if attempts > len(_WAITS):
        return None
    return now + timedelta(seconds=_WAITS[attempts - 1])


_ROOM_PATIENCE = timedelta(minutes=2)


def waits_for_room(queued_at: datetime, now: datetime) -> bool:
    """Whether a notice still waits for its join link; after a while it leaves without, as the
    manage page has the link, too (spec PF-13)."""
    return now < queued_at + _ROOM_PATIENCE
