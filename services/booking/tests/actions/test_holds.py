"""Holds that visitors use while workers expire them (spec BK-3, PF-6)."""

import logging
import random
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from attune_testing.clock import TestClock
from attune_testing.concurrency import at_once
from booking.actions import holds
from booking.domain.occupancy import SlotTaken
from booking.jobs import jobs
from common import ids
from common.db.database import Database
from common.jobs.worker import Worker
from services.booking.tests.booking_world import (
    NINE,
    NOW,
    book,
    form,
    hold,
    resource,
    slot,
    taken_events,
    terms,
)


@pytest.mark.req("BK-3", "PF-6")
def test_visitors_and_workers_who_end_the_same_holds_do_not_wait_for_each_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    held = terms(practice, provider, room)

    def visit(n: int) -> None:
        chance, visitor = random.Random(n), f"visitor-{n % 8}"  # noqa: S311  # not for secrets
        for _ in range(6):
            where = slot(held, NINE + timedelta(minutes=25 * chance.randint(0, 12)))
            with suppress(SlotTaken):
                hold_id = UUID(hold(database, where, visitor).hold_id)
                if chance.random() < 0.5:
                    book(database, where, form(hold_id=hold_id, visitor_id=visitor))
                elif chance.random() < 0.5:
                    with database.transaction(practice) as session:
                        holds.release(session, practice, hold_id)

    def work() -> None:
        for _ in range(10):
            Worker(database, TestClock(NOW + timedelta(hours=1)), jobs).work_all()

    with caplog.at_level(logging.ERROR):
        results = at_once([work, work, *(partial(visit, n) for n in range(16))])
    assert results == [None] * 18
    assert caplog.records == []
    for of in (provider, room):
        revisions = [event.revision for event in taken_events(database, of)]
        assert revisions == list(range(1, len(revisions) + 1))
