"""The recipients of notices (spec NT-1), how long notices stay true, and retries (NT-3)."""

from datetime import datetime, timedelta
from enum import StrEnum, auto


class Kind(StrEnum):
    """The subject matter of a notice."""

    BOOKING_REQUESTED = auto()
    BOOKING_CONFIRMED = auto()
    BOOKING_DECLINED = auto()
    BOOKING_EXPIRED = auto()
    BOOKING_CANCELLED = auto()
    CANCELLATION_REQUESTED = auto()
    CANCELLATION_DECLINED = auto()


class Recipient(StrEnum):
    """The person whom a notice is for."""

    CLIENT = auto()
    PROVIDER = auto()


class State(StrEnum):
    """The state of a notice. `superseded`: it was no longer true when it could have been sent."""

    QUEUED = auto()
    SENT = auto()
    FAILED = auto()
    SUPERSEDED = auto()


BOTH = (Recipient.CLIENT, Recipient.PROVIDER)
CLIENT = (Recipient.CLIENT,)
PROVIDER = (Recipient.PROVIDER,)


def recipients_of_confirmation(*, was_requested: bool) -> tuple[Recipient, ...]:
    """Return who is notified of a confirmation: not the provider who approved the request."""
    return CLIENT if was_requested else BOTH


def recipients_of_cancellation(*, by_client: bool, tell_client: bool) -> tuple[Recipient, ...]:
    """Return who is notified of a cancellation.

    A client's own cancellation is always confirmed to the client. When staff cancel, they choose
    whether the client is notified (spec CN-1).
    """
    if by_client:
        return BOTH
    return CLIENT if tell_client else ()


_STANDING = frozenset({"confirmed", "in_progress"})
_TRUE_WHILE = {
    # A request may have been approved before its notice is sent; the wording allows for that.
    Kind.BOOKING_REQUESTED: _STANDING | {"requested"},
    Kind.BOOKING_CONFIRMED: _STANDING,
    Kind.BOOKING_DECLINED: frozenset({"declined"}),
    Kind.BOOKING_EXPIRED: frozenset({"expired"}),
    Kind.BOOKING_CANCELLED: frozenset({"cancelled"}),
    Kind.CANCELLATION_REQUESTED: _STANDING,
    Kind.CANCELLATION_DECLINED: _STANDING,
}


def still_true(kind: Kind, status: str, *, cancellation_requested: bool) -> bool:
    """Return whether a notice is still true for a booking with this status.

    A notice that was overtaken before it could be sent would mislead.
    """
    if kind is Kind.CANCELLATION_REQUESTED and not cancellation_requested:
        return False
    return status in _TRUE_WHILE[kind]


_WAITS = (1, 5, 15, 60, 120, 300, 600, 1800, *[3600] * 24)  # seconds


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after this many failed attempts; None after more than a day."""
    if attempts > len(_WAITS):
        return None
    return now + timedelta(seconds=_WAITS[attempts - 1])


_ROOM_PATIENCE = timedelta(minutes=2)


def waits_for_room(queued_at: datetime, now: datetime) -> bool:
    """Return whether a notice still waits for its join link.

    After two minutes it is sent without one: the manage page shows the link, too (spec PF-13).
    """
    return now < queued_at + _ROOM_PATIENCE
