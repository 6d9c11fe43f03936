"""The statuses of a booking and the transitions between them (spec BK-9)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from common.errors import Refused


class Status(StrEnum):
    """The status of a booking."""

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
    """Return `wanted`. Raises WrongStatus unless the transition is allowed (spec BK-9)."""
    if wanted not in NEXT[present]:
        raise WrongStatus(
            f"A booking that is {present.replace('_', ' ')} cannot become"
            f" {wanted.replace('_', ' ')}.",
            present=present,
            wanted=wanted,
        )
    return wanted


def answer(present: Status, wanted: Status, start: datetime, now: datetime) -> Status:
    """Return `wanted`, the answer to a request. Raises WrongStatus.

    A request counts as expired from its start on, even before the job has expired it.
    """
    is_over = present is Status.REQUESTED and now >= start
    return move(Status.EXPIRED if is_over else present, wanted)
