"""The cache: providers are loaded once, updated by events and by booking, and never stale without
limit."""

import re
import threading
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
from attune_testing.measurements import Measurements
from attune_testing.serving import serve
from attune_testing.waiting import until
from availability.adapters.booking import Occupancy
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus
from availability.search import cache as caches
from availability.search.cache import Cache
from availability.store import loader, taken
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


def changed(
    provider: Provider,
    revision: int,
    *took: tuple[str, datetime],
    released: Sequence[str] = (),
    number: int = 0,
) -> TakenTimeChanged:
    """Return an event of booking: sessions of an hour were taken, by ref."""
    event = TakenTimeChanged(
        practice_id=provider.practice.id,
        resource_number=number or provider.number,
        revision=revision,
        released=released,
    )
    for ref, start in took:
        each = TakenTime(ref=ref, kind=TAKEN_KIND_BOOKING)
        each.start_time.FromDatetime(start)
        each.end_time.FromDatetime(start + HOUR)
        event.taken.append(each)
    return event


def deliver(cache: Cache, event: TakenTimeChanged) -> None:
    cache.receive(event.DESCRIPTOR.full_name, event.SerializeToString(), 0)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the statements that RPCs send to a database; events and jobs have other threads."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name.startswith("rpc"):
            asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def cached(cache: Cache) -> list[str]:
    return list(cache._snapshots.by_username)


# Events, one after the other


@pytest.fixture
def alone(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
    """A replica that gets only the events that the test delivers, and takes them for all."""
    with world.replica() as replica:
        monkeypatch.setattr(replica.cache, "_age", lambda: 0.0)
        yield replica


def test_events_are_applied_in_their_order(provider: Provider, alone: Replica) -> None:
    assert provider.hours(on=alone) == [9, 10, 11]
    snapshot = alone.cache.get(provider.username)
    for new, free in (
        (changed(provider, 1, ("a", NINE)), [10, 11]),
        (changed(provider, 2, ("b", NINE + HOUR)), [11]),
        (changed(provider, 3, ("a", NINE + 2 * HOUR)), [9]),  # a moved
        (changed(provider, 4, released=["b"]), [9, 10]),
        (changed(provider, 5, ("c", NINE + 2 * HOUR), released=["a", "c"]), [9, 10]),
        (changed(provider, 6, released=["nobody"]), [9, 10]),
    ):
        deliver(alone.cache, new)
        found = provider.search(on=alone)
        assert [(m - MONDAY.timestamp() // 60) // 60 for m in found.start_minutes] == free
        assert found.revision == f"{new.revision}.{snapshot.setup.version}"
    assert alone.cache.get(provider.username) is snapshot


def test_an_event_that_comes_twice_or_late_changes_nothing(
    provider: Provider, alone: Replica
) -> None:
    assert provider.hours(on=alone) == [9, 10, 11]
    first, second = changed(provider, 1, ("a", NINE)), changed(provider, 2, released=["a"])
    for change in (first, first, second, first, second):
        deliver(alone.cache, change)
    found = provider.search(on=alone)
    assert len(found.start_minutes) == 3
    assert found.revision.startswith("2.")


def test_time_that_passes_from_a_hold_to_its_booking_is_never_seen_as_free(
    provider: Provider, alone: Replica
) -> None:
    snapshot = alone.cache.get(provider.username)
    deliver(alone.cache, changed(provider, 1, ("hold", NINE)))
    seen: list[list[int]] = []
    release = snapshot.timetable.release

    def look(ref: str, resource: int) -> None:
        seen.append(provider.hours(on=alone))
        release(ref, resource)
        seen.append(provider.hours(on=alone))

    snapshot.timetable.release = look  # type: ignore[method-assign]  # of this instance
    deliver(alone.cache, changed(provider, 2, ("booking", NINE), released=["hold"]))
    assert seen == [[10, 11], [10, 11]]


def test_a_missed_event_is_noticed_and_asked_of_booking(provider: Provider, alone: Replica) -> None:
    assert provider.hours(on=alone) == [9, 10, 11]
    provider.book(NINE)
    provider.book(NINE + HOUR)
    deliver(alone.cache, changed(provider, 2, ("the second", NINE + HOUR)))  # the first was missed
    assert provider.hours(on=alone) == [11]
    assert alone.cache.get(provider.username).revisions == {provider.number: 2}


def test_a_loaded_provider_is_at_least_as_new_as_the_events(
    provider: Provider, alone: Replica
) -> None:
    """An event that the projection does not have yet counts for a provider read afterwards."""
    provider.book()
    until(lambda: provider.world.projected(provider.number) == 1)
    with provider.world.database.transaction(EVERY_PRACTICE) as session:
        taken.replace(session, ids.parse(provider.practice.id, ""), provider.number, 0, [])
    assert provider.hours(on=alone) == [9, 10, 11]  # it relies on the projection
    alone.cache._snapshots.drop(provider.username)
    deliver(alone.cache, changed(provider, 1, ("x", NINE)))
    assert provider.hours(on=alone) == [10, 11]


def test_memory_goes_forward_only(world: World, provider: Provider, alone: Replica) -> None:
    """A snapshot with booking's list is not replaced by an older one from the projection."""
    assert provider.hours(on=alone) == [9, 10, 11]
    provider.book()
    with acting_as(VISITOR):
        assert provider.hours(on=alone, revision="1") == [10, 11]
    until(lambda: world.projected(provider.number) == 1)
    with world.database.transaction(EVERY_PRACTICE) as session:
        taken.replace(session, ids.parse(provider.practice.id, ""), provider.number, 0, [])
    alone.cache._snapshots.drop(provider.username)
    found = provider.search(on=alone)
    assert (len(found.start_minutes), found.revision[:2]) == (2, "1.")


def test_a_long_life_does_not_pile_up_what_has_ended(
    provider: Provider, alone: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "_EVENTS", 3)
    snapshot = alone.cache.get(provider.username)
    for revision in range(1, 4):
        deliver(alone.cache, changed(provider, revision, (str(revision), NINE - revision * DAY)))
    assert alone.cache.get(provider.username) is snapshot
    deliver(alone.cache, changed(provider, 4))
    assert cached(alone.cache) == []


# Cached searches


@pytest.mark.req("SL-9")
def test_a_cached_search_asks_nobody(world: World, provider: Provider) -> None:
    room = provider.practice.room()
    provider.set_week(*every_day("09:00", "12:00", room_id=room))
    wanted: dict[str, object] = {"username": provider.username, "service": "therapy"}

    def search_everything() -> None:
        for mode in (MODE_TELEHEALTH, MODE_IN_PERSON):
            found = provider.search(mode=mode)
            provider.search(MONDAY, MONDAY + 90 * DAY, mode=mode, revision=found.revision)
            with acting_as(VISITOR):
                world.rpc.ListNextSlots(
                    ListNextSlotsRequest(**wanted, mode=mode, count=9)  # type: ignore[arg-type]  # by name
                )
                world.rpc.GetProfile(GetProfileRequest(username=provider.username))
        provider.check()

    booked = provider.book(NINE, MODE_IN_PERSON)
    until(lambda: provider.hours(mode=MODE_IN_PERSON, revision=booked.revision) == [10, 11])
    until(lambda: world.projected(provider.number) == 1)
    search_everything()
    with statements(world.database) as asked, statements(world.booking_database) as asked_there:
        search_everything()
    assert (asked, asked_there) == ([], [])


def test_a_provider_is_loaded_by_one_statement(world: World, provider: Provider) -> None:
    with world.replica(world.bus) as replica:
        with statements(world.database) as asked:
            assert provider.hours(on=replica) == [9, 10, 11]
        assert len([s for s in asked if "providers" in s]) == 1


def test_a_provider_is_loaded_by_indexes_however_many_others_there_are(
    world: World, provider: Provider
) -> None:
    about = {"username": provider.username, "since": NINE, "now": NINE, "fetch": taken.FETCH}
    with Session(world.database.engine) as session:
        session.execute(text("SELECT set_config('attune.practice', '*', true)"))
        # So that the plan is no matter of how much there is now, and what is known of it.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(session.scalars(text(f"EXPLAIN {loader._LOAD.text}"), about))
    conditions = re.findall(r"Index Cond: \(+(.*)", plan)
    for begins in ("resource_number = ANY", "resource_number = n.number", "provider_id = found"):
        assert any(condition.startswith(begins) for condition in conditions), plan
    assert "Seq Scan" not in plan


def test_many_searches_for_one_provider_wait_for_one_load(world: World, provider: Provider) -> None:
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
            names = cached(replica.cache)
            assert len(names) <= 3
            assert provider.username in names
        assert used.username in cached(replica.cache)
        known = {*cached(replica.cache)}
        assert set().union(*replica.cache._snapshots._by_resource.values()) == known
        assert set().union(*replica.cache._snapshots._by_practice.values()) == known
        assert not replica.cache._loading


@pytest.mark.req("PF-13")
def test_what_is_kept_is_bounded_in_bytes(world: World, practice: Practice) -> None:
    practice.service()
    providers = [practice.provider() for _ in range(6)]
    with world.replica(world.bus) as replica:
        providers[0].hours(on=replica)
        one = replica.cache._snapshots.bytes
        assert one > 12_000
        replica.cache._snapshots.most_bytes = 3 * one + one // 2
        for provider in providers:
            provider.hours(on=replica)
            assert replica.cache._snapshots.bytes <= replica.cache._snapshots.most_bytes
        names = cached(replica.cache)
        assert (len(names), providers[-1].username in names) == (3, True)
        # Cached providers grow with what is searched for; the next search notices.
        replica.cache._snapshots.most_bytes = 2 * one
        providers[-1].hours(on=replica)
        assert replica.cache._snapshots.bytes <= 2 * one
        with replica.cache._changed:
            for name in [*cached(replica.cache)]:
                replica.cache._snapshots.drop(name)
        assert replica.cache._snapshots.bytes == 0


def test_nobody_is_remembered_who_is_not_there(world: World) -> None:
    with world.replica() as replica, acting_as(VISITOR):
        for name in ("nobody", "\x00", "x" * 10_000):
            with pytest.raises(NotFound):
                replica.rpc.GetProfile(GetProfileRequest(username=name))
            with pytest.raises(NotFound):
                replica.cache.get(name)
        assert (replica.cache._loading, replica.cache._snapshots.by_username) == ({}, {})


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
    provider: Provider, alone: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "_MOMENT", 10)
    assert provider.hours(on=alone) == [9, 10, 11]

    def arrive() -> None:
        time.sleep(0.05)
        deliver(alone.cache, changed(provider, 1, ("a", NINE)))

    hours, _ = at_once([partial(provider.hours, on=alone, revision="1"), arrive])
    assert hours == [10, 11]


@pytest.mark.req("SL-8")
def test_a_revision_that_never_comes_is_asked_of_booking(
    provider: Provider, alone: Replica
) -> None:
    assert provider.hours(on=alone) == [9, 10, 11]
    booked = provider.book()
    began = time.monotonic()
    assert provider.hours(on=alone, revision=booked.revision) == [10, 11]
    assert time.monotonic() - began >= caches.PATIENCE


@pytest.mark.req("SL-8", "SL-10")
def test_a_revision_that_never_existed_is_refused(world: World, provider: Provider) -> None:
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


@pytest.mark.req("SL-8", "SL-10")
@pytest.mark.parametrize(
    "revision",
    ["1", f"{10**15 - 1}", "0.{next}", f"0.{10**15 - 1}", "1.{setup}", "{other}", "{elsewhere}"],
)
def test_a_revision_that_never_existed_leaves_what_is_in_memory(
    world: World, provider: Provider, alone: Replica, revision: str
) -> None:
    """Anybody can name any revision, also that of another provider or practice."""
    other = provider.practice.provider()
    other.book()
    elsewhere = Practice(world)
    elsewhere.service()
    for _ in range(20):
        elsewhere.set_policies()
    known = int(provider.search(on=alone).revision.partition(".")[2])
    named = revision.format(
        setup=known,
        next=known + 1,
        other=f"{other.search(revision='1').revision}",
        elsewhere=f"0.{elsewhere.provider().search().revision.partition('.')[2]}",
    )
    warm = alone.cache.get(provider.username)
    with statements(world.database) as asked, pytest.raises(Invalid) as raised:
        provider.search(on=alone, revision=named)
    assert raised.value.reason == "UNKNOWN_REVISION"
    assert alone.cache._snapshots.by_username[provider.username] is warm
    assert [s for s in asked if "found" in s] == []


@pytest.mark.req("SL-8", "PF-13")
def test_few_searches_wait_for_a_revision_and_the_others_go_on(
    provider: Provider, alone: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "_MOMENT", 60)
    assert provider.hours(on=alone) == [9, 10, 11]
    refused: list[Unavailable] = []

    def ask() -> int:
        try:
            return alone.cache.get(provider.username, "1").revisions[provider.number]
        except Unavailable as error:
            refused.append(error)
            return 0

    def arrive() -> int:
        until(lambda: len(refused) == 16)
        assert provider.hours(on=alone) == [9, 10, 11]
        deliver(alone.cache, changed(provider, 1, ("a", NINE)))
        return 0

    assert sorted(at_once([arrive, *[ask] * 20])) == [0] * 17 + [1] * 4  # type: ignore[type-var]  # all results are numbers


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


def test_searches_during_changes_are_never_older_than_earlier_answers(
    world: World, provider: Provider
) -> None:
    """While one client books, others search without pause; no answer is taken back."""
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
    """Run one more booking; yield its address and a function that stops it."""
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
    monkeypatch.setattr(caches, "FRESH", 1.0)
    nats, bus = own_nats
    with world.replica(bus) as replica:
        assert provider.hours(on=replica) == [9, 10, 11]
        nats.stop()
        provider.book()
        provider.set_week(*every_day("08:00", "12:00"))
        until(lambda: provider.hours(on=replica) == [8, 10, 11])
        assert following(replica.cache).age >= caches.FRESH
        assert replica.cache.is_ready()
        # It looks again when what it knows is no longer fresh, not before.
        provider.hours(on=replica)
        with statements(world.booking_database) as asked:
            for _ in range(5):
                provider.hours(on=replica)
        assert [s for s in asked if "FROM resources" in s and "occupancy" in s] == []


def test_while_nats_and_booking_are_away_providers_are_served_for_a_bounded_time(
    world: World, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "FRESH", 0.05)
    monkeypatch.setattr(caches, "BOUND", 2.0)
    monkeypatch.setattr(caches, "_RETRY", 0.1)
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
        assert time.monotonic() - read >= caches.BOUND
        assert not replica.cache.is_ready()
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
            snapshot = replica.cache.get_setup(username)
            assert snapshot.timetable.standing(
                snapshot.rules("therapy", Mode.TELEHEALTH, ClientStatus.NEW).shape,
                int(NINE.timestamp()) // 60,
            ).inside == (hours == "09:00")
        assert replica.cache._snapshots.by_username == {}  # what is taken was not made sure of
        with pytest.raises(Unavailable):
            provider.hours(on=replica)


@pytest.mark.req("BK-2")
def test_many_bookings_with_a_provider_nobody_has_asked_for_do_not_wait_for_each_other(
    world: World, practice: Practice
) -> None:
    """Each booking's thread waits for a check; if the check asked booking, all would wait
    forever."""
    practice.service()
    providers = [practice.provider() for _ in range(4)]
    results = at_once([partial(p.book, NINE) for p in providers for _ in range(16)])
    failures = {r.reason for r in results if isinstance(r, DomainError)}
    assert (len([r for r in results if not isinstance(r, Exception)]), failures) == (
        4,
        {"SLOT_TAKEN"},
    )


def test_while_the_database_is_away_cached_providers_are_served(
    world: World, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Database(f"postgresql://nobody:x@127.0.0.1:{free_port()}/nothing")
    stranger = provider.practice.provider()
    with world.replica(world.bus) as replica:
        assert provider.hours(on=replica) == [9, 10, 11]
        monkeypatch.setattr(replica.cache, "_database", elsewhere)
        assert provider.hours(on=replica) == [9, 10, 11]
        with pytest.raises(Unavailable):
            stranger.hours(on=replica)
        monkeypatch.setattr(caches, "FRESH", 0.0)  # as if events were away, too
        assert provider.hours(on=replica) == [9, 10, 11]
        assert replica.cache.get_setup(provider.username).setup.provider_id == provider.id
        with pytest.raises(Unavailable):
            replica.cache.get_setup(stranger.username)
        monkeypatch.setattr(caches, "BOUND", 0.0)
        with pytest.raises(Unavailable):
            provider.hours(on=replica)
        with pytest.raises(Unavailable):
            replica.cache.get_setup(provider.username)
    elsewhere.close()


def test_events_that_are_lost_for_good_are_made_up_for(
    world: World, practice: Practice, own_nats: tuple[Nats, Bus]
) -> None:
    """The stream was created anew.

    Every replica asks booking for what the old stream held, until all of it is fetched.
    """
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
        other.cache._snapshots.drop(provider.username)
        bus.run(bus.jetstream.delete_stream(STREAM))
        server.stop()
        server.start()
        until(lambda: provider.hours(on=replica) == [10, 11])
        until(lambda: world.projected(provider.number) == 1)
        until(lambda: replica.cache._planned)
        assert provider.hours(on=other) == [10, 11]


def test_it_is_ready_when_events_arrive_or_booking_can_be_asked(world: World) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with world.replica(world.bus, booking=nobody) as follows, world.replica() as asks:
        assert follows.cache.is_ready()
        assert asks.cache.is_ready()
    channel = channels.channel(f"ipv4:{nobody}", signer("availability"), timeout=0.2)
    with channel:
        neither = Cache(world.database, Occupancy(channel), world.clock)
        assert not neither.is_ready()


# Metrics


@pytest.mark.req("PF-12")
def test_providers_in_memory_and_searches_without_them_are_measured(
    provider: Provider, alone: Replica, measurements: Measurements
) -> None:
    alone.cache.report_size()
    misses = measurements.total("attune.search.cache.misses")
    assert measurements.total("attune.search.cache.providers") == 0
    for _ in range(3):
        assert provider.hours(on=alone) == [9, 10, 11]
    assert measurements.total("attune.search.cache.misses") == misses + 1
    assert measurements.total("attune.search.cache.providers") == 1
    assert measurements.total("attune.search.cache.size") == alone.cache._snapshots.bytes > 0
