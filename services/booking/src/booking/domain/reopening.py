"""Undoing the start or the completion of a session (spec BK-14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from booking.domain.status import Status, WrongStatus, in_words
from common.errors import Conflict, Refused

REOPEN_WINDOW = timedelta(minutes=15)
"""How long after a session was started or completed staff can undo that."""
STARTED, COMPLETED, REOPENED = "started", "completed", "reopened"
"""The changes in a booking's history that start, complete, and reopen its session."""
_REOPENED_FROM = (Status.IN_PROGRESS, Status.COMPLETED)
_PAID = frozenset({"paid", "partly_paid", "refunded"})


class ReopenTooLate(Conflict):
    """It's too late to reopen this session.

    Details: `reopen_until_time`, the last instant at which it was possible, in UTC.
    """


class SessionPaid(Refused):
    """This session can't be reopened, because a payment has been recorded for it.

    Details: `payment_status`.
    """


class SessionChange(NamedTuple):
    """An entry of a booking's history."""

    change: str
    changed_at: datetime


@dataclass(frozen=True)
class Undo:
    """The start or completion of a session that is undone next."""

    status: Status
    """The status of the booking before it."""
    until: datetime
    """The last instant at which it can be undone."""


def undo_of(history: Iterable[SessionChange]) -> Undo | None:
    """Return what is undone next, or None if the session has not started.

    `history` is in the order of changes. Each reopening has undone the change before it.
    """
    standing: list[SessionChange] = []
    for entry in history:
        if entry.change in (STARTED, COMPLETED):
            standing.append(entry)
        elif entry.change == REOPENED:
            standing.pop()
    if not standing:
        return None
    latest = standing.pop()
    status = Status.IN_PROGRESS if standing else Status.CONFIRMED
    return Undo(status, latest.changed_at + REOPEN_WINDOW)


def reopen_until(
    present: Status, history: Iterable[SessionChange], payment_status: str, now: datetime
) -> datetime | None:
    """Return the last instant at which the session can be reopened, or None if it can't be now."""
    undo = undo_of(history)
    is_open = present in _REOPENED_FROM and payment_status not in _PAID
    return undo.until if undo and is_open and now <= undo.until else None


def reopen(
    present: Status, history: Iterable[SessionChange], payment_status: str, now: datetime
) -> Status:
    """Return the status to which reopening a session leads.

    Raises WrongStatus, SessionPaid, or ReopenTooLate.
    """
    undo = undo_of(history)
    if undo is None or present not in _REOPENED_FROM:
        raise WrongStatus(
            "Only a session that is in progress or completed can be reopened."
            f" This booking is {in_words(present)}.",
            present=present,
            wanted=Status.IN_PROGRESS,
        )
    if payment_status in _PAID:
        raise SessionPaid(payment_status=payment_status)
    if now > undo.until:
        until = undo.until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ReopenTooLate(
            f"This session could be reopened until {until}.", reopen_until_time=until
        )
    return undo.status
