"""Sessions that were reopened are not billed, whatever the order of events (spec BL-14)."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingCompleted, BookingFact, SessionReopened
from attune_testing.clock import utc
from billing.domain import Account, EntryKind
from billing.store.tables import Billable, LedgerEntry, LedgerPosting
from common.db.database import Database

Deliver = Callable[..., bool]
Emitted = Callable[[], list[PaymentStatusChanged]]
Event = BookingCompleted | SessionReopened
DUE = booking_pb2.PAYMENT_STATUS_DUE
NOT_BILLED = booking_pb2.PAYMENT_STATUS_NOT_BILLED
REOPENED_AT = utc("2026-03-02 16:10")

pytestmark = pytest.mark.req("BL-14", "BL-1", "PF-2")


class Story:
    """The events about one booking, by its version: odd ones complete it, even ones reopen it."""

    def __init__(self, completed: BookingCompleted) -> None:
        self._completed = completed

    def event(self, version: int, minor_units: int = 15000) -> Event:
        fact = BookingFact()
        fact.CopyFrom(self._completed.booking)
        fact.version = version
        fact.price.minor_units = minor_units
        if version % 2:
            return BookingCompleted(booking=fact)
        fact.status = booking_pb2.BOOKING_STATUS_CONFIRMED
        reopened = SessionReopened(booking=fact)
        reopened.reopen_time.FromDatetime(REOPENED_AT)
        return reopened


@pytest.fixture
def story(completed: Callable[..., BookingCompleted]) -> Story:
    return Story(completed())


class Books:
    """What billing has recorded for a practice."""

    def __init__(self, database: Database, practice: UUID) -> None:
        self._database, self._practice = database, practice

    def amounts(self) -> list[int]:
        """Return the amounts of the billables."""
        with self._database.transaction(self._practice) as session:
            return list(session.scalars(select(Billable.amount)))

    def owed(self) -> int:
        """Return the sum that clients owe according to the ledger."""
        with self._database.transaction(self._practice) as session:
            receivable = LedgerPosting.account == Account.RECEIVABLE
            total = session.scalar(select(func.sum(LedgerPosting.amount)).where(receivable))
            return int(total or 0)

    def entries(self) -> list[tuple[str, object]]:
        """Return the kind and the time of each ledger entry."""
        with self._database.transaction(self._practice) as session:
            rows = session.execute(
                select(LedgerEntry.kind, LedgerEntry.occurred_at).order_by(text("made_in"))
            )
            return [(kind, at) for kind, at in rows]


@pytest.fixture
def books(database: Database, practice: UUID) -> Books:
    return Books(database, practice)


def orders(*versions: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(versions))


@pytest.mark.parametrize(
    "order",
    [
        *orders(3, 4, 5),
        (3, 3, 4, 4, 5, 5),
        (3, 4, 5, 3, 4),
        (5, 4, 3, 5, 4, 3),
        (3, 5, 3, 4, 3, 5),
        (3, 4, 5, 6, 7),
        (7, 3, 6, 4, 5),
        (5,),
        (3,),
    ],
    ids=str,
)
def test_a_session_that_was_completed_in_the_end_is_billed_once(
    story: Story, deliver: Deliver, books: Books, emitted: Emitted, order: tuple[int, ...]
) -> None:
    for version in order:
        assert deliver(story.event(version))
    assert (books.amounts(), books.owed()) == ([15000], 15000)
    told = emitted()
    assert [t.version for t in told] == sorted({t.version for t in told}), "they rise"
    assert told[-1].payment_status == DUE


@pytest.mark.parametrize(
    "order",
    [
        *orders(3, 4),
        *orders(4, 5, 6),
        (3, 4, 3, 4),
        (4, 4, 3, 3),
        (3, 6, 5, 4),
        (4,),
    ],
    ids=str,
)
def test_a_session_that_was_reopened_in_the_end_is_not_billed(
    story: Story, deliver: Deliver, books: Books, emitted: Emitted, order: tuple[int, ...]
) -> None:
    for version in order:
        deliver(story.event(version))
    assert (books.amounts(), books.owed()) == ([], 0)
    told = emitted()
    assert [t.version for t in told] == sorted({t.version for t in told})
    assert told[-1].payment_status == NOT_BILLED


def test_the_ledger_keeps_the_first_bill_and_its_reversal(
    story: Story, deliver: Deliver, books: Books
) -> None:
    for version in (3, 4, 5):
        deliver(story.event(version))
    ended = REOPENED_AT - timedelta(minutes=10)
    assert books.entries() == [
        (EntryKind.SESSION, ended),
        (EntryKind.REVERSAL, REOPENED_AT),
        (EntryKind.SESSION, ended),
    ]


@pytest.mark.parametrize("again", [12000, 15000, 15001, 1, 0])
def test_the_newest_completion_decides_the_amount(
    story: Story, deliver: Deliver, books: Books, emitted: Emitted, again: int
) -> None:
    for version, amount in ((3, 15000), (5, again), (4, 15000)):
        deliver(story.event(version, amount))
    assert (books.amounts(), books.owed()) == ([again] if again else [], again)
    assert emitted()[-1].payment_status == (DUE if again else NOT_BILLED)


def test_many_deliveries_at_once_end_as_the_newest_version_says(
    completed: Callable[..., BookingCompleted], deliver: Deliver, books: Books, emitted: Emitted
) -> None:
    stories = [Story(completed()) for _ in range(4)]
    deliveries: Sequence[Event] = [
        story.event(version)
        for number, story in enumerate(stories)
        for version in (5, 3, 4, 3, 5, 4, *([6] if number % 2 else []))
    ]
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(deliver, deliveries))
    assert (books.amounts(), books.owed()) == ([15000] * 2, 30000)
    for number, story in enumerate(stories):
        booking_id = story.event(3).booking.booking_id
        told = [t for t in emitted() if t.booking_id == booking_id]
        newest = max(told, key=lambda status: status.version)
        assert newest.payment_status == (NOT_BILLED if number % 2 else DUE)
        assert len({t.version for t in told}) == len(told)
