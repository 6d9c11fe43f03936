"""Counts of the attempts to book, by outcome, and how far ahead people book (docs/slo.md)."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from booking.domain.occupancy import SlotTaken
from booking.store.tables import Booking
from common import telemetry
from common.db.database import after_commit
from common.errors import DomainError, Unavailable, Unreadable

CONFLICT, REFUSED, ERROR = "conflict", "refused", "error"
OUTCOMES = ("confirmed", "requested", CONFLICT, REFUSED, ERROR)
"""Only ERROR is a failure of ours: with CONFLICT somebody else has the slot, and with REFUSED a
rule forbids the booking or the request is wrong."""
_HOUR, _DAY = 3600.0, 86400.0

_attempts = telemetry.Counter(
    "attune.booking.attempts",
    "Attempts to book, by outcome",
    [{"outcome": outcome} for outcome in OUTCOMES],
)
_lead_time = telemetry.duration(
    "attune.booking.lead_time",
    "Time from the making of a booking to its start",
    (_HOUR, 4 * _HOUR, 12 * _HOUR, _DAY, *(_DAY * days for days in (2, 3, 7, 14, 30, 60, 90, 180))),
)


class Attempt:
    """One attempt to book; whoever makes it sets the status of the booking as its outcome."""

    outcome = ERROR


@contextlib.contextmanager
def counted() -> Iterator[Attempt]:
    """Count the attempt that the block makes, with its outcome or else that of its exception."""
    attempt = Attempt()
    try:
        yield attempt
    except DomainError as error:
        attempt.outcome = outcome_of(error)
        raise
    finally:
        _attempts.add({"outcome": attempt.outcome})


def outcome_of(error: DomainError) -> str:
    """Return CONFLICT, REFUSED, or ERROR for a failed attempt to book."""
    if isinstance(error, SlotTaken):
        return CONFLICT
    is_ours = isinstance(error, Unavailable | Unreadable) or error.code is DomainError.code
    return ERROR if is_ours else REFUSED


def record_lead_time(session: Session, row: Booking, now: datetime) -> None:
    """Record how far ahead a booking was made, once its transaction has committed."""
    seconds = (row.start_at - now).total_seconds()
    after_commit(session, partial(_lead_time.record, seconds))
