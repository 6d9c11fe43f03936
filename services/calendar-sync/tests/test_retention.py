"""A feed that no program reads is removed."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune_testing.clock import TestClock
from attune_testing.identities import staff
from attune_testing.stubs import CalendarSyncStub
from calendar_sync.retention import purges
from calendar_sync.store import Feed
from common.db.database import Database
from common.errors import NotFound, Unavailable
from common.rpc.identity import VISITOR, acting_as
from common.upkeep import retention

pytestmark = pytest.mark.req("PF-10", "CS-6")
DAY = timedelta(days=1)


def test_a_feed_goes_400_days_after_it_was_read_last(
    alone: CalendarSyncStub, practice: UUID, provider: UUID, database: Database, clock: TestClock
) -> None:
    token = get(alone, practice, provider)

    def run() -> None:
        for _ in retention.run(database, purges.rules(""), clock.now()):
            pass

    clock.advance(300 * DAY)
    read(alone, token)
    clock.advance(399 * DAY)
    run()
    assert [feed.token for feed in feeds(database, practice)] == [token]
    clock.advance(2 * DAY)
    run()
    assert feeds(database, practice) == []
    with pytest.raises(NotFound), acting_as(VISITOR):
        alone.ReadFeed(pb.ReadFeedRequest(token=token))
    assert get(alone, practice, provider) != token, "a new one has another address"


def get(alone: CalendarSyncStub, practice: UUID, provider: UUID) -> str:
    with acting_as(staff(practice, "clinician", provider_id=provider)):
        return alone.GetFeed(pb.GetFeedRequest(provider_id=str(provider))).token


def read(alone: CalendarSyncStub, token: str) -> None:
    with pytest.raises(Unavailable), acting_as(VISITOR):  # booking is away, the feed was opened
        alone.ReadFeed(pb.ReadFeedRequest(token=token))


def feeds(database: Database, practice: UUID) -> list[Feed]:
    with database.transaction(practice) as session:
        return list(session.scalars(select(Feed)))
