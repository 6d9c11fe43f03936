"""Queue notices, and plan the job that sends them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from common import audit, telemetry
from common.errors import NotFound, Refused
from common.jobs.schedule import schedule
from notifications.domain.notices import Kind, Recipient, State
from notifications.store import notices as store
from notifications.store.tables import Notice

DELIVER: Final = "deliver"
"""The job that sends the notices of a booking; its key is the booking's id."""


class NoticeNotFailed(Refused):
    """Only a notice that couldn't be delivered can be sent again."""


def queue(
    session: Session,
    *,
    practice_id: UUID,
    booking_id: UUID,
    provider_id: UUID | None,
    version: int,
    kind: Kind,
    recipients: Iterable[Recipient],
    now: datetime,
) -> None:
    """Queue a notice of one change of a booking for each recipient who has none of it yet."""
    carrier: dict[str, str] = {}
    telemetry.inject(carrier)
    added = [
        store.add(
            session,
            practice_id=practice_id,
            booking_id=booking_id,
            provider_id=provider_id,
            kind=kind,
            recipient=recipient,
            version=version,
            trace=carrier.get("traceparent", ""),
            now=now,
        )
        for recipient in recipients
    ]
    if any(added):
        plan(session, practice_id, booking_id, now)


def resend(session: Session, notice_id: UUID, now: datetime) -> Notice:
    """Queue a failed notice again, and return it. One that is queued already stays so.

    Raises NotFound, or NoticeNotFailed.
    """
    notice = store.queue_again(session, notice_id, now)
    if notice is not None:
        plan(session, notice.practice_id, notice.booking_id, now)
        audit.record(session, "notice.resend", notice=notice.id, booking=notice.booking_id)
        return notice
    notice = store.get(session, notice_id)
    if notice is None:
        raise NotFound
    if notice.state != State.QUEUED:
        raise NoticeNotFailed
    return notice


def plan(session: Session, practice_id: UUID, booking_id: UUID, now: datetime) -> None:
    """Have the queued notices of a booking sent at once."""
    schedule(session, DELIVER, booking_id, practice_id, now, now=True)
