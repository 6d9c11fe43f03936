"""The statuses of a booking and the transitions between them (spec BK-9)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from common.errors import Conflict, Refused

GRACE = timedelta(minutes=15)
"""How long before its planned start a session can be started, as video rooms open (spec RM-2)."""


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
    """The booking's status doesn't allow this.

    Details: `present` and `wanted`.
    """


_IN_WORDS = {
    Status.IN_PROGRESS: "in progress",
    Status.CANCELLED: "canceled",
    Status.NO_SHOW: "a no-show",
}


def in_words(status: Status) -> str:
    """Return a status as sentences name it."""
    return _IN_WORDS.get(status, status)


def move(present: Status, wanted: Status) -> Status:
    """Return `wanted`. Raises WrongStatus unless the transition is allowed (spec BK-9)."""
    if wanted not in NEXT[present]:
        raise WrongStatus(
            f"A booking that is {in_words(present)} can't become {in_words(wanted)}.",
            present=present,
            wanted=wanted,
        )
    return wanted


class SessionTooEarly(Conflict):
    """It's too early for this session.

    Details: `opens_at`, the instant from which on it can be started or completed, in UTC.
    """


def take_place(present: Status, wanted: Status, start: datetime, now: datetime) -> Status:
    """Return `wanted`, the status of a session that starts or ends (spec BK-9, RM-7, RM-8).

    A session can be started from GRACE before its planned start on, and completed from its planned
    start on. Raises WrongStatus or SessionTooEarly.
    """
    moved = move(present, wanted)
    opens_at = start - GRACE if wanted is Status.IN_PROGRESS else start
    if now < opens_at:
        done = "started" if wanted is Status.IN_PROGRESS else "completed"
        opens = opens_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise SessionTooEarly(f"This session can't be {done} before {opens}.", opens_at=opens)
    return moved


def answer(present: Status, wanted: Status, start: datetime, now: datetime) -> Status:
    """Return `wanted`, the answer to a request. Raises WrongStatus.

    A request counts as expired from its start on, even before the job has expired it.
    """
    is_over = present is Status.REQUESTED and now >= start
    return move(Status.EXPIRED if is_over else present, wanted)
