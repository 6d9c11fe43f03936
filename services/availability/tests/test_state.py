"""Memory: read once, kept right by events, mended through booking, never stale without bound."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from attune.availability.v1.provider_service_pb2 import GetProfileRequest
from attune.availability.v1.slot_service_pb2 import ListNextSlotsRequest
from attune.booking.v1.booking_pb2 import TAKEN_KIND_BOOKING, TakenTime
from attune.booking.v1.events_pb2 import TakenTimeChanged
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_TELEHEALTH
from attune_local.servers import Nats, free_port
from attune_testing.concurrency import at_once
from attune_testing.identities import signer
from attune_testing.serving import serve
from attune_testing.waiting import until
from availability import state as states
from availability.adapters.booking import Occupancy
from availability.state import State
from availability.store import cold, taken
from booking.adapters.availability import Availability
from booking.servicer import servicers as booking_servicers
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DomainError, Invalid, NotFound, Unavailable
from common.messaging.nats import MESSAGE_ID, STREAM, Bus, Message
from common.rpc import channels
from common.rpc.identity import VISITOR, acting_as
from services.availability.tests.availability_world import (
    DAY,
    HOUR,
    MONDAY,
    NINE,
    Practice,
    Provider,
    Replica,
    World,
    every_day,
    following,
)

pytestmark = pytest.mark.req("SL-9")


@pytest.fixture
def provider(practice: Practice) -> Provider:
    """Bookable for an hour from 9 to 12 on every day in New York."""
    practice.service()
    return practice.provider()


def changed(
    provider: Provider,
    revision: int,
    *took: tuple[str, datetime],
    released: Sequence[str] = (),
    number: int = 0,
) -> TakenTimeChanged:
    """An event of booking's: sessions of an hour were taken, by ref."""
    told = TakenTimeChanged(
        practice_id=provider.practice.id,
        resource_number=number or provider.number,
        revision=revision,
        released=released,
    )
    for ref, start in took:
        each = TakenTime(ref=ref, kind=TAKEN_KIND_BOOKING)
        each.start_time.FromDatetime(start)
        each.end_time.FromDatetime(start + HOUR)
        told.taken.append(each)
    return told


def tell(state: State, told: TakenTimeChanged) -> None:
    state.receive(told.DESCRIPTOR.full_name, told.SerializeToString(), 0)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Whatever is asked of a database meanwhile."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def warm_names(state: State) -> list[str]:
    return list(state._warm)


# Events, one after the other. These replicas hear what the test tells them, and trust it.


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
    """A replica that hears only what the test tells it, and trusts it."""
    with world.replica() as replica:
        monkeypatch.setattr(replica.state, "_age", lambda: 0.0)
        yield replica


def test_events_are_applied_in_their_order(provider: Provider, told: Replica) -> None:
    assert provider.hours(on=told) == [9, 10, 11]
    warm = told.state.get(provider.username)
    for new, free in (
        (changed(provider, 1, ("a", NINE)), [10, 11]),
        (changed(provider, 2, ("b", NINE + HOUR)), [11]),
        (changed(provider, 3, ("a", NINE + 2 * HOUR)), [9]),  # a moved
        (changed(provider, 4, released=["b"]), [9, 10]),
        (changed(provider, 5, ("c", NINE + 2 * HOUR), released=["a", "c"]), [9, 10]),
        (changed(provider, 6, released=["nobody"]), [9, 10]),
    ):
        tell(told.state, new)
        found = provider.search(on=told)
        assert [(m - MONDAY.timestamp() // 60) // 60 for m in found.start_minutes] == free
        assert found.revision == f"{new.revision}.{warm.setup}"
    assert told.state.get(provider.username) is warm


def test_an_event_heard_twice_or_late_changes_nothing(provider: Provider, told: Replica) -> None:
    assert provider.hours(on=told) == [9, 10, 11]
    first, second = changed(provider, 1, ("a", NINE)), changed(provider, 2, released=["a"])
    for heard in (first, first, second, first, second):
        tell(told.state, heard)
    found = provider.search(on=told)
    assert len(found.start_minutes) == 3
    assert found.revision.startswith("2.")


def test_time_that_passes_from_a_hold_to_its_booking_is_never_seen_as_free(
    provider: Provider, told: Replica
) -> None:
    warm = told.state.get(provider.username)
    tell(told.state, changed(provider, 1, ("hold", NINE)))
    seen: list[list[int]] = []
    release = warm.timetable.release

    def look(ref: str, resource: int) -> None:
        seen.append(provider.hours(on=told))
        release(ref, resource)
        seen.append(provider.hours(on=told))

    warm.timetable.release = look  # type: ignore[method-assign]
    tell(told.state, changed(provider, 2, ("booking", NINE), released=["hold"]))
    assert seen == [[10, 11], [10, 11]]


def test_a_missed_event_is_noticed_and_asked_of_booking(provider: Provider, told: Replica) -> None:
    assert provider.hours(on=told) == [9, 10, 11]
    provider.book(NINE)
    provider.book(NINE + HOUR)
    tell(told.state, changed(provider, 2, ("the second", NINE + HOUR)))  # the first was missed
    assert provider.hours(on=told) == [11]
    assert told.state.get(provider.username).revisions == {provider.number: 2}


def test_what_is_read_cold_is_at_least_what_was_heard_of(provider: Provider, told: Replica) -> None:
    """An event that the projection does not have yet counts for a provider read afterwards."""
    provider.book()
    until(lambda: provider.world.projected(provider.number) == 1)
    with provider.world.database.transaction(EVERY_PRACTICE) as session:
        taken.replace(session, ids.parse(provider.practice.id, ""), provider.number, 0, [])
    assert provider.hours(on=told) == [9, 10, 11]  # it relies on the projection
    told.state._drop(provider.username)
    tell(told.state, changed(provider, 1, ("x", NINE)))
    assert provider.hours(on=told) == [10, 11]


def test_memory_goes_forward_only(world: World, provider: Provider, told: Replica) -> None:
    """Who has asked booking is not overtaken by a slower reader of the projection."""
    assert provider.hours(on=told) == [9, 10, 11]
    provider.book()
    with acting_as(VISITOR):
        assert provider.hours(on=told, revision="1") == [10, 11]
    until(lambda: world.projected(provider.number) == 1)
    with world.database.transaction(EVERY_PRACTICE) as session:
        taken.replace(session, ids.parse(provider.practice.id, ""), provider.number, 0, [])
    told.state._drop(provider.username)
    found = provider.search(on=told)
    assert (len(found.start_minutes), found.revision[:2]) == (2, "1.")


def test_a_long_life_does_not_pile_up_what_has_ended(
    provider: Provider, told: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "_EVENTS", 3)
    warm = told.state.get(provider.username)
    for revision in range(1, 4):
        tell(told.state, changed(provider, revision, (str(revision), NINE - revision * DAY)))
    assert told.state.get(provider.username) is warm
    tell(told.state, changed(provider, 4))
    assert warm_names(told.state) == []


# Warm searches


@pytest.mark.req("SL-9")
def test_a_warm_search_asks_nobody(world: World, provider: Provider) -> None:
    room = provider.practice.room()
    provider.set_week(*every_day("09:00", "12:00", room_id=room))
    wanted: dict[str, object] = {"username": provider.username, "service": "therapy"}

    def search_everything() -> None:
        for mode in (MODE_TELEHEALTH, MODE_IN_PERSON):
            found = provider.search(mode=mode)
            provider.search(MONDAY, MONDAY + 90 * DAY, mode=mode, revision=found.revision)
            with acting_as(VISITOR):
                world.rpc.ListNextSlots(
                    ListNextSlotsRequest(**wanted, mode=mode, count=9)  # type: ignore[arg-type]
                )
                world.rpc.GetProfile(GetProfileRequest(username=provider.username))
        provider.check()

    booked = provider.book(NINE, MODE_IN_PERSON)
    until(lambda: provider.hours(mode=MODE_IN_PERSON, revision=booked.revision) == [10, 11])
    until(lambda: world.projected(provider.number) == 1)
    search_everything()
    with statements(world.database) as asked, statements(world.booking_database) as asked_there:
        search_everything()
    # Outbox, inbox and due work are looked after meanwhile; of the set-up nothing is asked.
    touched = [s for s in asked if "providers" in s or "taken" in s or "practices" in s]
    assert (touched, [s for s in asked_there if "occupancy" in s]) == ([], [])


def test_a_cold_provider_is_one_statement(world: World, provider: Provider) -> None:
    with world.replica(world.bus) as replica:
        with statements(world.database) as asked:
            assert provider.hours(on=replica) == [9, 10, 11]
        assert len([s for s in asked if "providers" in s]) == 1


def test_a_cold_provider_is_read_by_indexes_however_much_there_is_of_others(
    world: World, provider: Provider
) -> None:
    about = {"username": provider.username, "since": NINE, "now": NINE, "fetch": taken.FETCH}
    with Session(world.database.engine) as session:
        session.execute(text("SELECT set_config('attune.practice', '*', true)"))
        # So that the plan is no matter of how much there is now, and what is known of it.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(session.scalars(text(f"EXPLAIN {cold._READ.text}"), about))
    conditions = re.findall(r"Index Cond: \(+(.*)", plan)
    for begins in ("resource_number = ANY", "resource_number = n.number", "provider_id = found"):
        assert any(condition.startswith(begins) for condition in conditions), plan
    assert "Seq Scan" not in plan


def test_many_who_want_a_cold_provider_wait_for_one_reader(
    world: World, provider: Provider
) -> None:
    with world.replica(world.bus) as replica, statements(world.database) as asked:
        results = at_once([partial(provider.hours, on=replica) for _ in range(16)])
        assert results == [[9, 10, 11]] * 16
        assert len([s for s in asked if "providers" in s]) <= 2


def test_the_most_are_kept_and_those_in_use_among_them(world: World, practice: Practice) -> None:
    practice.service()
    used, *others = [practice.provider() for _ in range(7)]
    with world.replica(world.bus, most=3) as replica:
        for provider in others:
            used.hours(on=replica)
            provider.hours(on=replica)
            names = warm_names(replica.state)
            assert len(names) <= 3
            assert provider.username in names
        assert used.username in warm_names(replica.state)
        known = {*warm_names(replica.state)}
        assert set().union(*replica.state._by_resource.values()) == known
        assert set().union(*replica.state._by_practice.values()) == known
        assert not replica.state._reading


@pytest.mark.req("PF-13")
def test_what_is_kept_is_bounded_in_bytes(world: World, practice: Practice) -> None:
    practice.service()
    providers = [practice.provider() for _ in range(6)]
    with world.replica(world.bus) as replica:
        providers[0].hours(on=replica)
        one = replica.state._bytes
        assert one > 12_000
        replica.state._most_bytes = 3 * one + one // 2
        for provider in providers:
            provider.hours(on=replica)
            assert replica.state._bytes <= replica.state._most_bytes
        names = warm_names(replica.state)
        assert (len(names), providers[-1].username in names) == (3, True)
        # Those who are warm grow, too, with what is searched for; at the next search that shows.
        replica.state._most_bytes = 2 * one
        providers[-1].hours(on=replica)
        assert replica.state._bytes <= 2 * one
        with replica.state._changed:
            for name in [*warm_names(replica.state)]:
                replica.state._drop(name)
        assert replica.state._bytes == 0


def test_nobody_is_remembered_who_is_not_there(world: World) -> None:
    with world.replica() as replica, acting_as(VISITOR):
        for name in ("nobody", "\x00", "x" * 10_000):
            with pytest.raises(NotFound):
                replica.rpc.GetProfile(GetProfileRequest(username=name))
            with pytest.raises(NotFound):
                replica.state.get(name)
        assert (replica.state._reading, replica.state._warm) == ({}, {})


# Reading one's own writes


@pytest.mark.req("SL-8")
def test_a_search_that_names_a_booking_never_shows_its_slot(
    world: World, provider: Provider
) -> None:
    assert provider.hours() == [9, 10, 11]
    with world.replica(world.bus) as other, world.replica() as deaf:
        for replica in (world.first, other, deaf):
            provider.hours(on=replica)
        for start, left in ((NINE, [10, 11]), (NINE + HOUR, [11]), (NINE + 2 * HOUR, [])):
            booked = provider.book(start)
            for replica in (world.first, other, deaf):
                assert provider.hours(on=replica, revision=booked.revision) == left


@pytest.mark.req("SL-8")
def test_a_revision_that_is_on_its_way_is_waited_for(
    provider: Provider, told: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "PATIENCE", 10)
    assert provider.hours(on=told) == [9, 10, 11]

    def arrive() -> None:
        time.sleep(0.05)
        tell(told.state, changed(provider, 1, ("a", NINE)))

    hours, _ = at_once([partial(provider.hours, on=told, revision="1"), arrive])
    assert hours == [10, 11]


@pytest.mark.req("SL-8")
def test_a_revision_that_never_comes_is_asked_of_booking(provider: Provider, told: Replica) -> None:
    assert provider.hours(on=told) == [9, 10, 11]
    booked = provider.book()
    began = time.monotonic()
    assert provider.hours(on=told, revision=booked.revision) == [10, 11]
    assert time.monotonic() - began >= states.PATIENCE


@pytest.mark.req("SL-8", "SL-10")
def test_a_revision_that_there_never_was_is_told_so(world: World, provider: Provider) -> None:
    revision = provider.search().revision
    number, _, setup = revision.partition(".")
    for known in (number, revision, f"{number}.", f"0.{setup}", "0", "0.0", "00.01"):
        assert provider.hours(revision=known) == [9, 10, 11]
    for unknown in ("1", "999999999999999", f"0.{int(setup) + 1}", f"1.{setup}"):
        with pytest.raises(Invalid) as raised:
            provider.search(revision=unknown)
        assert (raised.value.reason, raised.value.field) == ("UNKNOWN_REVISION", "revision")
    for garbled in ("x", "-1", "1.2.3", "1e3", "", " 1"):
        if garbled:
            with pytest.raises(Invalid) as raised:
                provider.search(revision=garbled)
            assert raised.value.reason == "INVALID_REVISION"


# Replicas


def test_replicas_agree(world: World, provider: Provider) -> None:
    with world.replica(world.bus) as other:
        for replica in (world.first, other):
            assert provider.hours(on=replica) == [9, 10, 11]
        held = provider.hold(NINE)
        booked = provider.book(NINE, hold=held)
        provider.book(NINE + HOUR)
        last = provider.cancel(booked.booking_id)
        seen = [provider.search(on=r, revision=last.revision) for r in (world.first, other)]
        assert seen[0] == seen[1]
        assert len(seen[0].start_minutes) == 2
        assert seen[0].revision.startswith("4.")


def test_a_change_through_one_replica_is_seen_by_the_other(
    world: World, provider: Provider
) -> None:
    with world.replica(world.bus) as other:
        assert provider.hours(on=other) == [9, 10, 11]
        saved = provider.set_week(*every_day("10:00", "12:00"))
        assert provider.hours(on=other, revision=saved.revision) == [10, 11]
        provider.set_date("2026-11-02")
        until(lambda: provider.hours(on=other) == [])
        provider.set_date("2026-11-02", *every_day("10:00", "11:00")[:1])
        provider.practice.set_policies(clients_may_schedule=False)
        until(lambda: provider.hours(on=other) == [])
        provider.practice.set_policies()
        until(lambda: provider.hours(on=other) == [10])


def test_a_change_is_seen_at_once_where_it_was_made(world: World, provider: Provider) -> None:
    for hour in range(8, 14):
        assert provider.hours() != [hour]
        provider.set_week(*every_day(f"{hour:02}:00", f"{hour + 1:02}:00"))
        assert provider.hours() == [hour]


def test_searches_during_changes_are_never_older_than_what_was_told(
    world: World, provider: Provider
) -> None:
    """While one books, others search without pause; whatever is told is not taken back."""
    answers: list[list[str]] = [[], []]
    booked: list[str] = []

    def book() -> None:
        for day in range(8):
            for hour in range(3):
                booked.append(provider.book(NINE + day * DAY + hour * HOUR).revision)

    def look(seen: list[str], replica: Replica) -> None:
        while len(booked) < 24:
            newest = booked[-1] if booked else ""
            found = provider.search(MONDAY, MONDAY + 8 * DAY, on=replica, revision=newest)
            seen.append(found.revision)
            assert len(found.start_minutes) <= 24 - int(newest or 0)

    with world.replica(world.bus) as other:
        pairs = zip(answers, (world.first, other), strict=True)
        work: list[Callable[[], object]] = [book, *(partial(look, *pair) for pair in pairs)]
        assert at_once(work) == [None] * 3
    for seen in answers:
        revisions = [int(revision.partition(".")[0]) for revision in seen]
        assert revisions == sorted(revisions)


# When others are away


@contextmanager
def own_booking(world: World, database: Database) -> Iterator[tuple[str, Callable[[], None]]]:
    """One more booking, which can be stopped: where it is, and how."""
    with ExitStack() as open_now:
        nowhere = open_now.enter_context(
            channels.channel(f"ipv4:127.0.0.1:{free_port()}", signer("booking"))
        )
        servicers = booking_servicers(database, Availability(nowhere), world.clock)
        running = ExitStack()
        open_now.enter_context(running)
        served = running.enter_context(serve(servicers))
        yield served.address, running.close


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[tuple[Nats, Bus]]:
    """A NATS that the test may stop."""
    server = Nats(tmp_path / "nats", free_port())
    server.start()
    with Bus(server.url, "tests") as bus:
        bus.start()
        assert bus.wait(60)
        yield server, bus
    server.stop()


def test_while_nats_is_away_booking_is_asked(
    world: World,
    provider: Provider,
    own_nats: tuple[Nats, Bus],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(states, "FRESH", 1.0)
    nats, bus = own_nats
    with world.replica(bus) as replica:
        assert provider.hours(on=replica) == [9, 10, 11]
        nats.stop()
        provider.book()
        provider.set_week(*every_day("08:00", "12:00"))
        until(lambda: provider.hours(on=replica) == [8, 10, 11])
        assert following(replica.state).age >= states.FRESH
        assert replica.state.is_ready()
        # It looks again when what it knows is no longer fresh, not before.
        provider.hours(on=replica)
        with statements(world.booking_database) as asked:
            for _ in range(5):
                provider.hours(on=replica)
        assert [s for s in asked if "FROM resources" in s and "occupancy" in s] == []


def test_while_nats_and_booking_are_away_providers_are_served_for_a_bounded_time(
    world: World, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "FRESH", 0.05)
    monkeypatch.setattr(states, "BOUND", 2.0)
    monkeypatch.setattr(states, "_RETRY", 0.1)
    stranger = provider.practice.provider()
    with (
        own_booking(world, world.booking_database) as (address, stop_booking),
        world.replica(booking=address) as replica,
    ):
        assert provider.hours(on=replica) == [9, 10, 11]
        read = time.monotonic()
        stop_booking()
        served = 0
        while True:
            try:
                assert provider.hours(on=replica) == [9, 10, 11]
            except Unavailable:
                break
            served += 1
            assert time.monotonic() - read < 60
        assert served > 0
        assert time.monotonic() - read >= states.BOUND
        assert not replica.state.is_ready()
        with pytest.raises(Unavailable):
            stranger.hours(on=replica)
        # What needs no taken time goes on.
        with acting_as(VISITOR):
            request = GetProfileRequest(username=stranger.username)
            assert replica.rpc.GetProfile(request).provider.provider_id == stranger.id


@pytest.mark.req("BK-2")
def test_a_check_never_asks_booking_which_may_be_waiting_for_it(
    world: World, provider: Provider
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with world.replica(booking=nobody) as replica:
        for username, hours in ((provider.username, "09:00"), (provider.username, "10:00")):
            provider.set_week(*every_day(hours, "12:00"))
            warm = replica.state.set_up(username)
            assert warm.timetable.standing(
                warm.offer("therapy", MODE_TELEHEALTH, 0).shape, int(NINE.timestamp()) // 60
            ).inside == (hours == "09:00")
        assert replica.state._warm == {}  # what is taken was not made sure of
        with pytest.raises(Unavailable):
            provider.hours(on=replica)


@pytest.mark.req("BK-2")
def test_many_bookings_with_a_provider_nobody_has_asked_for_do_not_wait_for_each_other(
    world: World, practice: Practice
) -> None:
    """Each booking's thread waits for a check; if that asked booking, all would wait for ever."""
    practice.service()
    providers = [practice.provider() for _ in range(4)]
    results = at_once([partial(p.book, NINE) for p in providers for _ in range(16)])
    failures = {r.reason for r in results if isinstance(r, DomainError)}
    assert (len([r for r in results if not isinstance(r, Exception)]), failures) == (
        4,
        {"SLOT_TAKEN"},
    )


def test_while_the_database_is_away_what_is_warm_is_served(
    world: World, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Database(f"postgresql://nobody:x@127.0.0.1:{free_port()}/nothing")
    stranger = provider.practice.provider()
    with world.replica(world.bus) as replica:
        assert provider.hours(on=replica) == [9, 10, 11]
        monkeypatch.setattr(replica.state, "_database", elsewhere)
        assert provider.hours(on=replica) == [9, 10, 11]
        with pytest.raises(Unavailable):
            stranger.hours(on=replica)
        monkeypatch.setattr(states, "FRESH", 0.0)  # as if events were away, too
        assert provider.hours(on=replica) == [9, 10, 11]
        monkeypatch.setattr(states, "BOUND", 0.0)
        with pytest.raises(Unavailable):
            provider.hours(on=replica)
    elsewhere.close()


def test_events_that_are_lost_for_good_are_made_up_for(
    world: World, practice: Practice, own_nats: tuple[Nats, Bus]
) -> None:
    """The stream was made anew: what it held, and the projection may lack, is asked of booking
    by every replica, until all of it has been fetched."""
    practice.service()
    provider = practice.provider()
    server, bus = own_nats
    with world.replica(bus) as replica, world.replica(world.bus) as other:
        bus.publish([Message("attune.test.Other", b"", {MESSAGE_ID: str(ids.new())})] * 1)
        assert provider.hours(on=replica) == [9, 10, 11]
        provider.book()
        until(lambda: world.projected(provider.number) == 1)
        with world.database.transaction(EVERY_PRACTICE) as session:  # the event was lost
            practice_id = ids.parse(practice.id, "")
            taken.replace(session, practice_id, provider.number, 0, [])
        other.state._drop(provider.username)
        bus.run(bus.jetstream.delete_stream(STREAM))
        server.stop()
        server.start()
        until(lambda: provider.hours(on=replica) == [10, 11], seconds=15)
        until(lambda: world.projected(provider.number) == 1)
        until(lambda: not replica.state._doubts)
        assert provider.hours(on=other) == [10, 11]


def test_it_is_ready_when_it_hears_events_or_booking_can_be_asked(world: World) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with world.replica(world.bus, booking=nobody) as hears, world.replica() as asks:
        assert hears.state.is_ready()
        assert asks.state.is_ready()
    channel = channels.channel(f"ipv4:{nobody}", signer("availability"), timeout=0.2)
    with channel:
        neither = State(world.database, Occupancy(channel), world.clock)
        assert not neither.is_ready()
