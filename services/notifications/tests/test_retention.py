"""Notices and messages of the development mailbox go; what has yet to be sent stays."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from attune.booking.v1.events_pb2 import BookingConfirmed, BookingFact
from attune_testing.clock import TestClock
from common import ids
from common.db.database import Database
from common.upkeep import retention
from notifications.retention import purges
from notifications.store.tables import DevelopmentMessage, Notice

pytestmark = pytest.mark.req("PF-10")
DAY = timedelta(days=1)


def test_notices_go_400_days_after_they_were_queued(
    database: Database,
    deliver: Callable[..., bool],
    fact: BookingFact,
    practice: UUID,
    clock: TestClock,
) -> None:
    deliver(BookingConfirmed(booking=fact))
    with database.transaction(practice) as session:
        session.execute(text("UPDATE notices SET state = 'sent' WHERE recipient = 'client'"))
        message = DevelopmentMessage(
            id=ids.new(),
            practice_id=practice,
            message_id=str(ids.new()),
            to_index=b"",
            created_at=clock.now(),
        )
        session.add(message)

    def left(after: timedelta) -> tuple[list[str], int]:
        for _ in retention.run(database, purges.rules(""), clock.now() + after):
            pass
        with database.transaction(practice) as session:
            notices = session.scalars(select(Notice.recipient).order_by(Notice.recipient)).all()
            messages = session.scalars(select(DevelopmentMessage.id)).all()
            return list(notices), len(messages)

    assert left(30 * DAY) == (["client", "provider"], 1)
    assert left(31 * DAY) == (["client", "provider"], 0)
    assert left(401 * DAY) == (["provider"], 0), "it has yet to be sent"
