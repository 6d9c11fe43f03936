"""The states of a booking, and the moves between them (spec BK-9)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from common.errors import Refused


class Status(StrEnum):
    """Where a booking stands."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"
    NO_SHOW = "no_show"


NEXT: Mapping[Status, frozenset[Status]] = {
    Status.REQUESTED: frozenset(
        {Status.CONFIRMED, Status.DECLINED, Status.CANCELLED, Status.EXPIRED}
    ),
    Status.CONFIRMED: frozenset(
        {Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELLED, Status.NO_SHOW}
    ),
    Status.IN_PROGRESS: frozenset({Status.COMPLETED}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.DECLINED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.NO_SHOW: frozenset(),
}


class WrongStatus(Refused):
    """The booking's status does not allow this.

    Details: `present` and `wanted`.
    """


def move(present: Status, wanted: Status) -> Status:
    """The wanted status, or WrongStatus, which names both (spec BK-9)."""
    if wanted not in NEXT[present]:
        raise WrongStatus(
            f"A booking that is {present.replace('_', ' ')} cannot become"
            f" {wanted.replace('_', ' ')}.",
            present=present,
            wanted=wanted,
        )
    return wanted


def answer(present: Status, wanted: Status, start: datetime, now: datetime) -> Status:
    """As `move`, for the answer to a request: once its time has come it counts as expired, also
    before the clockwork has said so."""
    lapsed = present is Status.REQUESTED and now >= start
    return move(Status.EXPIRED if lapsed else present, wanted)
