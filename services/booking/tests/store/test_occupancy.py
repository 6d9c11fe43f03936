"""Occupancy and revisions under concurrency: no double booking, ever (spec BK-2)."""

import random
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from attune_testing.concurrency import at_once
from booking import messages
from booking.actions.holds import clearing_expired
from booking.actions.holds import release as release_hold
from booking.domain.occupancy import BOOKING, HOLD, OccupancyChange, Resource, SlotTaken, TakenTime
from booking.store import holds, occupancy
from booking.store.tables import Hold
from common import ids
from common.db.database import Database
from common.messaging.outbox import emit
from services.booking.tests.booking_world import NINE, NOW, refs, resource, taken_events

pytestmark = pytest.mark.req("BK-2")

HOUR = timedelta(hours=1)


def taking(
    practice: UUID,
    *resources: Resource,
    start: datetime = NINE,
    length: timedelta = HOUR,
    expires_at: datetime | None = None,
) -> TakenTime:
    kind = HOLD if expires_at else BOOKING
    end = start + length
    return TakenTime(
        ids.new(), practice, kind, resources, start, end, start, end, expires_at=expires_at
    )


def take(
    database: Database, wanted: TakenTime, instead_of: UUID | None = None, now: datetime = NOW
) -> list[OccupancyChange]:
    """Take time as bookings and holds do."""

    def do(session: Session) -> list[OccupancyChange]:
        own = holds.remove(session, instead_of) and instead_of if instead_of else None
        changes = occupancy.take(session, wanted, now, own)
        emit(session, *map(messages.taken_time_changed, changes))
        if wanted.expires_at:
            row = Hold(
                id=wanted.ref,
                practice_id=wanted.practice_id,
                provider_id=wanted.resources[0].id,
                visitor_index=wanted.ref.bytes,
                expires_at=wanted.expires_at,
            )
            session.add(row)
        return changes

    return clearing_expired(database, wanted.practice_id, do)


def release(database: Database, practice: UUID, ref: UUID) -> list[OccupancyChange]:
    """Release as a cancellation does."""
    with database.transaction(practice) as session:
        changes = occupancy.release(session, practice, ref)
        emit(session, *map(messages.taken_time_changed, changes))
    return changes


def expire(database: Database, practice: UUID, hold_id: UUID) -> int:
    """Release a hold as its job does."""
    with database.transaction(practice) as session:
        return release_hold(session, practice, hold_id)


def test_taken_time_is_refused_and_the_refusal_names_the_revision(database: Database) -> None:
    practice, provider = ids.new(), resource()
    first, second = taking(practice, provider), taking(practice, provider)
    assert take(database, first) == [OccupancyChange(practice, provider, 1, first, ())]
    with pytest.raises(SlotTaken) as refused:
        take(database, second)
    assert refused.value.details == {"revision": "1"}
    assert refs(database, provider) == [first.ref]


@pytest.mark.parametrize(
    ("start", "length", "free"),
    [
        (NINE - HOUR, HOUR, True),
        (NINE + HOUR, HOUR, True),
        (NINE - HOUR, HOUR + timedelta(microseconds=1), False),
        (NINE + HOUR - timedelta(microseconds=1), HOUR, False),
        (NINE + HOUR / 4, HOUR / 4, False),
        (NINE - HOUR, 3 * HOUR, False),
    ],
)
def test_only_what_overlaps_is_in_the_way(
    database: Database, start: datetime, length: timedelta, free: bool
) -> None:
    practice, provider = ids.new(), resource()
    take(database, taking(practice, provider))
    other = taking(practice, provider, start=start, length=length)
    if free:
        take(database, other)
    else:
        with pytest.raises(SlotTaken):
            take(database, other)


def test_a_room_is_used_by_one_provider_at_a_time(database: Database) -> None:
    practice, one, other, room = ids.new(), resource(), resource(), resource()
    take(database, taking(practice, one, room))
    with pytest.raises(SlotTaken) as refused:
        take(database, taking(practice, other, room))
    assert refused.value.details == {"revision": "0"}, "of the provider, who is free"
    assert refs(database, other) == [], "nothing is half taken"
    assert take(database, taking(practice, other, room, start=NINE + HOUR))


def test_the_constraint_holds_across_practices(database: Database) -> None:
    shared = resource()
    take(database, first := taking(ids.new(), shared))
    with pytest.raises(SlotTaken):
        take(database, taking(ids.new(), shared))
    assert refs(database, shared) == [first.ref]


def test_time_that_is_released_is_free_at_once(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    first = taking(practice, provider, room)
    take(database, first)
    assert release(database, practice, first.ref) == [
        OccupancyChange(practice, provider, 2, None, (first.ref,)),
        OccupancyChange(practice, room, 2, None, (first.ref,)),
    ]
    assert release(database, practice, first.ref) == []
    assert take(database, taking(practice, provider, room))[0].revision == 3


@pytest.mark.req("BK-3")
def test_a_lapsed_hold_is_in_nobodys_way_and_a_living_one_is(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = taking(practice, provider, expires_at=NOW + timedelta(minutes=5))
    wanted = taking(practice, provider)
    take(database, held)
    with pytest.raises(SlotTaken):
        take(database, wanted, now=NOW + timedelta(minutes=4, seconds=59))
    changes = take(database, wanted, now=NOW + timedelta(minutes=5))
    assert changes == [OccupancyChange(practice, provider, 3, wanted, ())]
    assert refs(database, provider) == [wanted.ref]
    assert [list(fact.released) for fact in taken_events(database, provider)] == [
        [],
        [str(held.ref)],
        [],
    ]


@pytest.mark.req("BK-3")
def test_lapsed_holds_give_way_together_with_all_that_they_take(database: Database) -> None:
    practice, provider, room, other_room = ids.new(), resource(), resource(), resource()
    early = taking(practice, provider, room, length=HOUR / 2, expires_at=NOW)
    late = taking(practice, provider, other_room, start=NINE + HOUR / 2, expires_at=NOW)
    wanted = taking(practice, provider, room)
    take(database, early, now=NOW - HOUR)
    take(database, late, now=NOW - HOUR)
    assert take(database, wanted) == [
        OccupancyChange(practice, provider, 5, wanted, ()),
        OccupancyChange(practice, room, 3, wanted, ()),
    ]
    assert refs(database, other_room) == []
    assert [fact.revision for fact in taken_events(database, other_room)] == [1, 2]


@pytest.mark.req("BK-3")
def test_a_lapsed_hold_gives_way_where_the_room_was_never_taken_before(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    take(database, taking(practice, provider, expires_at=NOW), now=NOW - HOUR)
    wanted = taking(practice, provider, room)
    assert [c.revision for c in take(database, wanted)] == [3, 1]


@pytest.mark.req("BK-3")
def test_a_lapsed_hold_beside_a_booking_gives_nobody_the_time(database: Database) -> None:
    practice, provider = ids.new(), resource()
    held = taking(practice, provider, length=HOUR / 2, expires_at=NOW)
    booked = taking(practice, provider, start=NINE + HOUR / 2, length=HOUR / 2)
    take(database, held, now=NOW - HOUR)
    take(database, booked)
    with pytest.raises(SlotTaken):
        take(database, taking(practice, provider))
    assert refs(database, provider) == [held.ref, booked.ref]


@pytest.mark.req("BK-3")
def test_a_lapsed_hold_between_two_bookings_gives_way(database: Database) -> None:
    """Time that only touches the wanted time does not block it."""
    practice, provider = ids.new(), resource()
    before = taking(practice, provider, start=NINE - HOUR)
    after = taking(practice, provider, start=NINE + HOUR)
    take(database, before)
    take(database, after)
    take(database, taking(practice, provider, expires_at=NOW), now=NOW - HOUR)
    wanted = taking(practice, provider)
    assert take(database, wanted) == [OccupancyChange(practice, provider, 5, wanted, ())]
    assert refs(database, provider) == [before.ref, wanted.ref, after.ref]


@pytest.mark.req("BK-3")
def test_a_hold_turns_into_what_takes_its_place(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    held = taking(practice, provider, room, expires_at=NOW + HOUR)
    take(database, held)
    booked = taking(practice, provider)
    assert take(database, booked, held.ref) == [
        OccupancyChange(practice, provider, 2, booked, (held.ref,)),
        OccupancyChange(practice, room, 2, None, (held.ref,)),
    ]


def test_64_race_for_one_slot_and_one_wins(database: Database) -> None:
    practice, provider = ids.new(), resource()
    wanted = [taking(practice, provider) for _ in range(64)]
    results = at_once([partial(take, database, w) for w in wanted])
    won = [result for result in results if isinstance(result, list)]
    lost = [result for result in results if isinstance(result, SlotTaken)]
    assert (len(won), len(lost)) == (1, 63)
    assert {error.details["revision"] for error in lost} == {"1"}
    assert len(refs(database, provider)) == len(taken_events(database, provider)) == 1


def test_64_race_for_overlapping_starts_and_what_is_won_does_not_overlap(
    database: Database,
) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    starts = [NINE + timedelta(minutes=10 * (n % 16)) for n in range(64)]
    wanted = [taking(practice, provider, room, start=s, length=HOUR / 2) for s in starts]
    results = at_once([partial(take, database, w) for w in wanted])
    won = [w for w, result in zip(wanted, results, strict=True) if isinstance(result, list)]
    assert {type(result) for result in results} == {list, SlotTaken}
    assert set(refs(database, provider)) == set(refs(database, room)) == {w.ref for w in won}
    by_start = sorted(won, key=lambda w: w.start)
    assert all(a.end <= b.start for a, b in pairwise(by_start))
    # Nobody lost for nothing: everything overlaps something that won.
    assert all(any(w.start < v.end and v.start < w.end for v in won) for w in wanted)


def test_rooms_and_providers_in_any_combination_do_not_deadlock(database: Database) -> None:
    practice = ids.new()
    providers, rooms = [resource() for _ in range(3)], [resource() for _ in range(3)]
    # Rooms have higher and lower numbers than the providers.
    rooms.append(Resource(providers[0].number - 500_000, ids.new()))
    work = [
        taking(practice, providers[n % 3], rooms[n % 4], start=NINE + HOUR / 4 * (n % 5))
        for n in range(60)
    ]
    results = at_once([partial(take, database, w) for w in work])
    assert {type(result) for result in results} == {list, SlotTaken}


@pytest.mark.req("BK-3")
def test_32_race_for_the_slot_of_a_lapsed_hold_and_one_wins(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()
    held = taking(practice, provider, room, expires_at=NOW)
    take(database, held, now=NOW - HOUR)
    wanted = [taking(practice, provider, room) for _ in range(32)]
    sweep = partial(expire, database, practice, held.ref)
    results = at_once([sweep, *(partial(take, database, w) for w in wanted)])
    won = [result for result in results[1:] if isinstance(result, list)]
    assert isinstance(results[0], int)
    assert [type(r) for r in results].count(SlotTaken) == 31
    assert len(won) == 1
    assert [fact.revision for fact in taken_events(database, provider)] == list(
        range(1, len(taken_events(database, provider)) + 1)
    )
    released = [ref for fact in taken_events(database, provider) for ref in fact.released]
    assert released == [str(held.ref)]


@pytest.mark.req("SL-8")
def test_revisions_are_without_gaps_and_in_the_order_of_events(database: Database) -> None:
    practice, provider, room = ids.new(), resource(), resource()

    def come_and_go(n: int) -> None:
        start = NINE + timedelta(minutes=20 * (n % 12))
        for _ in range(5):
            wanted = taking(practice, *((provider, room) if n % 2 else (provider,)), start=start)
            try:
                take(database, wanted)
            except SlotTaken:
                continue
            if n % 3:
                release(database, practice, wanted.ref)

    results = at_once([partial(come_and_go, n) for n in range(24)])
    assert set(results) == {None}
    for of in (provider, room):
        revisions = [fact.revision for fact in taken_events(database, of)]
        assert revisions == list(range(1, len(revisions) + 1))
        with database.transaction(practice) as session:
            assert occupancy.revision(session, of.number) == len(revisions)


@pytest.mark.req("BK-3")
@pytest.mark.parametrize("with_room", [False, True])
def test_two_who_would_swap_their_holds_do_not_wait_for_each_other(
    database: Database, with_room: bool
) -> None:
    practice, one, other, room = ids.new(), resource(), resource(), resource()
    mine, theirs = ((one, room), (other, room)) if with_room else ((one,), (one,))
    for n in range(8):
        start = NINE + timedelta(days=n)
        first = taking(practice, *mine, start=start, expires_at=NOW + HOUR)
        second = taking(practice, *theirs, start=start + HOUR, expires_at=NOW + HOUR)
        take(database, first)
        take(database, second)
        results = at_once(
            [
                partial(take, database, taking(practice, *mine, start=start + HOUR / 2), first.ref),
                partial(take, database, taking(practice, *theirs, start=start), second.ref),
            ]
        )
        assert {type(result) for result in results} == {SlotTaken}


@pytest.mark.req("BK-3", "SL-8")
def test_holding_booking_lapsing_and_cancelling_at_once_do_not_deadlock(
    database: Database,
) -> None:
    practice = ids.new()
    rooms = [resource(), resource()]
    providers = [resource(), resource()]
    rooms.append(resource())  # some have lower numbers than the providers, one has a higher

    def live(n: int) -> None:
        chance = random.Random(n)  # noqa: S311  # not for secrets
        for _ in range(6):
            some = [chance.choice(providers), *chance.sample(rooms, chance.randint(0, 1))]
            start = NINE + timedelta(minutes=15 * chance.randint(0, 16))
            held = taking(practice, *some, start=start, expires_at=chance.choice([NOW, NOW + HOUR]))
            other = [some[0], *chance.sample(rooms, chance.randint(0, 1))]
            moved = start + timedelta(minutes=15 * chance.randint(-1, 1))
            wanted = taking(practice, *other, start=moved)
            with suppress(SlotTaken):
                take(database, held, now=NOW - HOUR)
                take(database, wanted, held.ref)
                if chance.random() < 0.5:
                    release(database, practice, wanted.ref)

    results = at_once([partial(live, n) for n in range(24)])
    assert [r for r in results if r is not None] == []
    for of in (*providers, *rooms):
        facts = taken_events(database, of)
        assert [fact.revision for fact in facts] == list(range(1, len(facts) + 1))
        shown: set[str] = set()
        for fact in facts:
            shown = shown.difference(fact.released) | {t.ref for t in fact.taken}
        assert {UUID(ref) for ref in shown} == set(refs(database, of))


@pytest.mark.req("SL-8")
def test_replaying_the_events_gives_what_is_taken(database: Database) -> None:
    practice, provider = ids.new(), resource()
    kept = taking(practice, provider)
    gone = taking(practice, provider, start=NINE + HOUR)
    held = taking(practice, provider, start=NINE + 2 * HOUR, expires_at=NOW)
    for one in (kept, gone, held):
        take(database, one, now=NOW - HOUR)
    release(database, practice, gone.ref)
    take(database, taking(practice, provider, start=NINE + 2 * HOUR))
    projection: dict[str, int] = {}
    for fact in taken_events(database, provider):
        for ref in fact.released:
            projection.pop(ref, None)
        projection |= {t.ref: t.start_time.seconds for t in fact.taken}
    with database.transaction(practice) as session:
        revision, listed = occupancy.list_taken(session, provider.number, NOW)
    assert revision == 6
    assert {str(t.ref): int(t.start.timestamp()) for t in listed} == projection


def test_the_list_of_taken_time_leaves_out_what_has_ended(database: Database) -> None:
    practice, provider, other = ids.new(), resource(), resource()
    past, running = taking(practice, provider), taking(practice, provider, start=NINE + HOUR)
    for one in (running, past, taking(practice, other)):
        take(database, one)
    with database.transaction(practice) as session:
        assert occupancy.list_taken(session, provider.number, NINE + HOUR) == (2, [running])
        assert occupancy.list_taken(session, provider.number, NINE) == (2, [past, running])
        assert occupancy.list_taken(session, provider.number, NINE + 2 * HOUR) == (2, [])
        assert occupancy.list_taken(session, 2**62, NINE) == (0, [])


def test_looking_at_taken_time_does_not_read_the_whole_table(database: Database) -> None:
    seen: list[str] = []

    def remember(_c: Any, _cur: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append(statement % {key: f"'{value}'" for key, value in parameters.items()})

    practice, provider = ids.new(), resource()
    take(database, taking(practice, provider))
    with database.transaction(practice) as session:
        event.listen(database.engine, "before_cursor_execute", remember)
        try:
            occupancy.list_taken(session, provider.number, NOW)
            with pytest.raises(SlotTaken):
                occupancy.take(session, taking(practice, provider), NOW)
        finally:
            event.remove(database.engine, "before_cursor_execute", remember)
        session.execute(text("SET LOCAL enable_seqscan = off"))
        looks = [look for look in seen if look.startswith("SELECT") and "occupancy" in look]
        plans = ["\n".join(session.scalars(text(f"EXPLAIN {look}"))) for look in looks]
    assert len(plans) == 2
    assert all("Index Cond: ((resource = " in plan and "end_at >" in plan for plan in plans)
