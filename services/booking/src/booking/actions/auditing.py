"""The audit of occupancy: are any bookings of one resource at the same time? (spec BK-2)"""

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from booking.store import overlaps
from booking.store.overlaps import Overlap
from common.upkeep import checks

log = logging.getLogger(__name__)

_PAST = timedelta(days=1)  # an overlap is reported until a day after its session


def audit_overlaps(session: Session, now: datetime) -> tuple[int, list[Overlap]]:
    """Look for active bookings of one resource that overlap, and record and log the outcome.

    Returns their number and the first of them.
    """
    count, found = overlaps.find(session, now - _PAST)
    for overlap in found:
        log.error(
            "bookings overlap",
            extra={
                "resource": overlap.resource,
                "booking": str(overlap.booking_id),
                "other": str(overlap.other_id),
                "practice": str(overlap.practice_id),
            },
        )
    checks.record(session, checks.OVERLAPS, count, now)
    return count, list(found)
