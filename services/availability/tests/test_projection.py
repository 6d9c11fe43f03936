"""The projection of taken time, compared with booking and repaired while it is in use."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from sqlalchemy import text

from attune_testing.concurrency import at_once
from attune_testing.identities import signer
from attune_testing.waiting import until
from availability.projection import projection
from common.db.database import EVERY_PRACTICE
from common.rpc import channels
from common.upkeep import checks, projections
from common.upkeep.projections import Difference
from services.availability.tests.availability_world import (
    DAY,
    HOUR,
    NINE,
    NOW,
    Practice,
    Provider,
    World,
)

pytestmark = pytest.mark.req("PF-4")


@pytest.fixture
def source(world: World) -> Iterator[grpc.Channel]:
    with channels.channel(f"ipv4:{world.booking_address}", signer("availability")) as channel:
        yield channel


@pytest.fixture
def booked(world: World, provider: Provider) -> list[str]:
    """Two bookings that the projection has."""
    made = [provider.book(NINE).booking_id, provider.book(NINE + DAY).booking_id]
    until(lambda: world.projection(provider.number), set(made).__eq__)
    return made


def execute(world: World, statement: str, **values: Any) -> None:
    with world.database.transaction(EVERY_PRACTICE) as session:
        assert session.execute(text(statement), values).rowcount  # type: ignore[attr-defined]  # of a change


def found(
    world: World, source: grpc.Channel, provider: Provider, *, repair: bool = False
) -> list[str]:
    """Return what differs for a provider, by kind."""
    kinds = list[str]()

    def tell(difference: Difference) -> None:
        if difference.id == str(provider.number):
            kinds.append(difference.kind)

    projections.check(projection, world.database, source, NOW, tell, repair=repair)
    return kinds


DRIFTS = {
    "missing": "DELETE FROM taken WHERE ref = :ref",
    "extra": "INSERT INTO taken SELECT resource_number, 'nobody', practice_id, start_at + :day,"
    " end_at + :day, session_start_at + :day, session_end_at + :day, kind FROM taken"
    " WHERE ref = :ref",
    "different": "UPDATE taken SET start_at = start_at + interval '1 hour' WHERE ref = :ref",
    "different revision": "UPDATE taken_revisions SET revision = 1 WHERE resource_number ="
    " (SELECT resource_number FROM taken WHERE ref = :ref)",
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_found_and_repaired(
    world: World, source: grpc.Channel, provider: Provider, booked: list[str], drift: str
) -> None:
    assert found(world, source, provider) == []
    values = {"ref": booked[0], **({"day": 3 * DAY} if ":day" in DRIFTS[drift] else {})}
    execute(world, DRIFTS[drift], **values)
    [kind] = found(world, source, provider)
    assert kind == drift.partition(" ")[0]
    assert drift_recorded(world) >= 1
    assert found(world, source, provider, repair=True) == [kind]
    assert world.projection(provider.number) == set(booked)
    assert found(world, source, provider) == []


def drift_recorded(world: World) -> int:
    with world.database.transaction(EVERY_PRACTICE) as session:
        count, at = checks.results(session)["projection:taken"]
    assert at == NOW
    return count


def test_a_replica_that_loaded_the_wrong_rows_loads_them_again(
    world: World, source: grpc.Channel, provider: Provider, booked: list[str]
) -> None:
    execute(world, DRIFTS["missing"], ref=booked[0])
    with world.replica(world.bus) as second:
        assert provider.hours(on=second) == [9, 10, 11], "it has only the projection"
        found(world, source, provider, repair=True)
        relay(world)
        until(lambda: provider.hours(on=second), [10, 11].__eq__)


def relay(world: World) -> None:
    """Wait until every event has been published."""
    until(lambda: _outbox(world) == 0)


def _outbox(world: World) -> int:
    with world.database.transaction(EVERY_PRACTICE) as session:
        return session.scalar(text("SELECT count(*) FROM outbox")) or 0


def test_a_rebuild_may_break_off_and_be_repeated(
    world: World, source: grpc.Channel, practice: Practice
) -> None:
    practice.service()
    providers = [practice.provider() for _ in range(3)]
    made = {each.number: each.book().booking_id for each in providers}
    for number, booking_id in made.items():
        until(lambda number=number: world.projection(number), {booking_id}.__eq__)  # type: ignore[misc]  # the default's type
        execute(world, "DELETE FROM taken WHERE resource_number = :number", number=number)

    class Killed(BaseException):
        pass

    def tell(difference: Difference) -> None:
        if int(difference.id) == providers[1].number:
            raise Killed

    with pytest.raises(Killed):
        projections.check(projection, world.database, source, NOW, tell, repair=True)
    sizes = [len(world.projection(each.number)) for each in providers]
    assert sizes == [1, 0, 0]

    def rebuild() -> object:
        return projections.check(projection, world.database, source, NOW, repair=True)

    at_once([rebuild] * 2)
    assert {n: world.projection(n) for n in made} == {n: {made[n]} for n in made}


def test_bookings_made_meanwhile_are_there_once_and_nothing_is_double_booked(
    world: World, source: grpc.Channel, provider: Provider, booked: list[str]
) -> None:
    execute(world, DRIFTS["missing"], ref=booked[0])

    def rebuild() -> object:
        return projections.check(projection, world.database, source, NOW, repair=True)

    starts = [NINE + (2 + day) * DAY + hour * HOUR for day in range(3) for hour in range(3)]
    calls: list[Callable[[], object]] = [
        lambda start=start: provider.book(start).booking_id  # type: ignore[misc]  # the default's type
        for start in starts
    ]
    results = at_once([*calls, rebuild, rebuild])
    made = {result for result in results if isinstance(result, str)}
    assert len(made) == len(starts)
    until(lambda: world.projection(provider.number), {*booked, *made}.__eq__)
    assert found(world, source, provider) == []


def test_a_source_that_was_restored_from_a_backup_is_followed(
    world: World, source: grpc.Channel, provider: Provider, booked: list[str]
) -> None:
    """Booking lost the second booking, and counts that revision again."""
    lost, number = booked[1], provider.number
    with world.booking_database.transaction(EVERY_PRACTICE) as session:
        session.execute(text("DELETE FROM occupancy WHERE ref = :ref"), {"ref": lost})
        back = text("UPDATE resources SET revision = revision - 1 WHERE number = :number")
        session.execute(back, {"number": number})
    assert found(world, source, provider) == ["different"]
    found(world, source, provider, repair=True)
    assert world.projection(number) == {booked[0]}
    assert found(world, source, provider) == []
