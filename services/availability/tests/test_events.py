"""The projection of taken time: in order, once, without gaps (spec SL-8, SL-9, PF-2)."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import select

from attune.booking.v1.booking_pb2 import (
    TAKEN_KIND_BOOKING,
    TAKEN_KIND_HOLD,
    TakenKind,
    TakenTime,
)
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune_local.servers import free_port
from attune_testing.clock import TestClock
from attune_testing.identities import signer
from attune_testing.waiting import until
from availability.adapters.booking import Occupancy
from availability.events import handlers
from availability.jobs import fetch
from availability.store import taken
from availability.store.tables import Taken
from common import ids
from common.db.database import EVERY_PRACTICE
from common.jobs.jobs import Jobs
from common.jobs.schedule import due
from common.jobs.worker import Worker
from common.messaging.nats import EVENT_ID, MESSAGE_ID
from common.rpc import channels
from services.availability.tests.availability_world import (
    DAY,
    HOUR,
    NINE,
    NOW,
    Provider,
    World,
)

pytestmark = pytest.mark.req("SL-9", "PF-2")
QUARTER = HOUR / 4


def take(ref: str, start: datetime, kind: TakenKind.ValueType = TAKEN_KIND_BOOKING) -> TakenTime:
    """Take an hour's session with a quarter of an hour around it."""
    taking = TakenTime(ref=ref, kind=kind)
    taking.session_start_time.FromDatetime(start)
    taking.session_end_time.FromDatetime(start + HOUR)
    taking.start_time.FromDatetime(start - QUARTER)
    taking.end_time.FromDatetime(start + HOUR + QUARTER)
    return taking


def changed(
    provider: Provider, revision: int, *took: TakenTime, released: Sequence[str] = ()
) -> TakenTimeChanged:
    return TakenTimeChanged(
        practice_id=provider.practice.id,
        resource_id=provider.id,
        resource_number=provider.number,
        revision=revision,
        taken=took,
        released=released,
    )


def deliver(world: World, event: TakenTimeChanged, event_id: str = "") -> bool:
    """Deliver an event to the handler; return False if the handler knows the event's id."""
    return handlers.handle(
        world.database,
        event.DESCRIPTOR.full_name,
        event.SerializeToString(),
        {MESSAGE_ID: str(ids.new()), EVENT_ID: event_id or str(ids.new())},
    )


def to_fetch(world: World, provider: Provider) -> bool:
    """Return whether a fetch of the provider from booking is planned."""
    with world.database.transaction(EVERY_PRACTICE) as session:
        key = str(provider.number)
        plan = select(due).where(due.c.kind == taken.FETCH, due.c.key == key)
        return session.execute(plan).one_or_none() is not None


@pytest.fixture
def own_jobs(world: World, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """The jobs of availability under another name, so that only the test does them."""
    monkeypatch.setattr(taken, "FETCH", f"fetch-{ids.new()}")
    own = Jobs()
    own.on(taken.FETCH)(fetch)
    return own


def test_events_are_projected_in_their_order(world: World, provider: Provider) -> None:
    for event, refs in (
        (changed(provider, 1, take("a", NINE)), {"a"}),
        (changed(provider, 2, take("b", NINE + 2 * HOUR, TAKEN_KIND_HOLD)), {"a", "b"}),
        (changed(provider, 3, take("c", NINE + 2 * HOUR), released=["b"]), {"a", "c"}),
        (changed(provider, 4, take("a", NINE + DAY)), {"a", "c"}),
        (changed(provider, 5, released=["c", "nobody"]), {"a"}),
        (changed(provider, 6), {"a"}),
    ):
        assert deliver(world, event)
        assert (world.projected(provider.number), world.projection(provider.number)) == (
            event.revision,
            refs,
        )
    with world.database.transaction(provider.practice.id) as session:
        (row,) = session.scalars(select(Taken).where(Taken.resource_number == provider.number))
        assert (row.start_at, row.end_at, row.session_start_at, row.session_end_at, row.kind) == (
            NINE + DAY - QUARTER,
            NINE + DAY + HOUR + QUARTER,
            NINE + DAY,
            NINE + DAY + HOUR,
            TAKEN_KIND_BOOKING,
        )


def test_an_event_is_projected_once_however_often_it_comes(
    world: World, provider: Provider
) -> None:
    first, second = changed(provider, 1, take("a", NINE)), changed(provider, 2, released=["a"])
    event_id = str(ids.new())
    assert deliver(world, first, event_id)
    assert not deliver(world, first, event_id)  # the same message again
    deliver(world, second)
    deliver(world, first)  # the same revision under another id
    assert (world.projected(provider.number), world.projection(provider.number)) == (2, set())
    assert not to_fetch(world, provider)


def test_what_has_ended_does_not_pile_up(world: World, provider: Provider) -> None:
    deliver(world, changed(provider, 1, take("long over", NOW - 3 * DAY), take("over", NOW - DAY)))
    deliver(world, changed(provider, 2, take("new", NINE)))
    assert world.projection(provider.number) == {"over", "new"}


def test_a_later_revision_has_everything_fetched_from_booking(
    world: World, provider: Provider
) -> None:
    """The event of revision 1 never arrives, and the later events do not become dead letters."""
    booked = provider.book()
    until(lambda: world.projected(provider.number) == 1)
    with world.database.transaction(EVERY_PRACTICE) as session:  # as if it had not come
        practice_id = ids.parse(provider.practice.id, "")
        taken.replace(session, practice_id, provider.number, 0, [])
    second = provider.book(NINE + HOUR)
    until(lambda: world.projected(provider.number) == 2)
    assert world.projection(provider.number) == {booked.booking_id, second.booking_id}
    until(lambda: not to_fetch(world, provider))
    third = provider.book(NINE + 2 * HOUR)
    until(lambda: world.projected(provider.number) == 3)
    assert third.booking_id in world.projection(provider.number)


@pytest.mark.usefixtures("own_jobs")
def test_what_is_to_be_fetched_is_not_relied_on(world: World, provider: Provider) -> None:
    """A replica that has not received the events does not rely on it either."""
    provider.book()
    until(lambda: world.projected(provider.number) == 1)
    with world.database.transaction(EVERY_PRACTICE) as session:  # as if it had not come
        practice_id = ids.parse(provider.practice.id, "")
        taken.replace(session, practice_id, provider.number, 0, [])
    with world.replica(world.bus) as replica:
        assert provider.hours(on=replica) == [9, 10, 11]  # nothing seems to be missing
        replica.cache._snapshots.drop(provider.username)
        deliver(world, changed(provider, 2))
        assert to_fetch(world, provider)
        assert provider.hours(on=replica) == [10, 11]  # as booking says


@pytest.mark.usefixtures("own_jobs")
def test_a_fetch_waits_until_booking_is_there(
    world: World, provider: Provider, own_jobs: Jobs
) -> None:
    clock = TestClock(NOW)
    deliver(world, changed(provider, 5, take("a", NINE)))
    with channels.channel(
        f"ipv4:127.0.0.1:{free_port()}", signer("availability"), timeout=0.2
    ) as nowhere:
        Worker(world.database, clock, own_jobs, Occupancy(nowhere)).work_all()
    assert to_fetch(world, provider)
    assert world.projected(provider.number) == 0
    clock.advance(HOUR)
    with channels.channel(f"ipv4:{world.booking_address}", signer("availability")) as there:
        Worker(world.database, clock, own_jobs, Occupancy(there)).work_all()
    assert not to_fetch(world, provider)


@pytest.mark.usefixtures("own_jobs")
def test_a_fetch_does_not_undo_later_events(
    world: World, provider: Provider, own_jobs: Jobs
) -> None:
    deliver(world, changed(provider, 2))  # 1 is missing
    deliver(world, changed(provider, 1, take("a", NINE)))  # it comes after all
    assert world.projection(provider.number) == {"a"}
    with channels.channel(f"ipv4:{world.booking_address}", signer("availability")) as there:
        Worker(world.database, world.clock, own_jobs, Occupancy(there)).work_all()
    # Booking, which knows nothing of these, says revision 0.
    assert (world.projected(provider.number), world.projection(provider.number)) == (1, {"a"})


def test_the_whole_way_from_a_booking_to_the_projection(world: World, provider: Provider) -> None:
    held = provider.hold()
    until(lambda: world.projection(provider.number) == {held.hold_id})
    booked = provider.book(NINE, hold=held)
    until(lambda: world.projection(provider.number) == {booked.booking_id})
    provider.cancel(booked.booking_id)
    until(lambda: world.projection(provider.number) == set())
    assert world.projected(provider.number) == 3
