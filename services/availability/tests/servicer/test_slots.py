"""Searching and checking through the RPCs (spec SL-1 to SL-4, SL-7, SL-10)."""

import random
from datetime import timedelta
from typing import Any

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.provider_service_pb2 import GetProfileRequest
from attune.availability.v1.service_type_service_pb2 import (
    DeleteServiceTypeRequest,
    ListServiceTypesRequest,
)
from attune.availability.v1.slot_service_pb2 import (
    CheckSlotRequest,
    ListNearestSlotsRequest,
    ListNextSlotsRequest,
    SearchSlotsRequest,
)
from attune.common.v1.types_pb2 import (
    CLIENT_STATUS_ACTIVE,
    CLIENT_STATUS_INACTIVE,
    CLIENT_STATUS_NEW,
    MODE_IN_PERSON,
    MODE_PHONE,
    MODE_TELEHEALTH,
    Fee,
    ModeAmount,
)
from attune_testing.clock import utc
from attune_testing.identities import client, service, staff
from attune_testing.waiting import until
from common import ids
from common.errors import DomainError, Invalid, NotAllowed, NotFound, Refused, Unauthenticated
from common.rpc.identity import VISITOR, acting_as
from services.availability.tests.availability_world import (
    BOOKING,
    DAY,
    HOUR,
    MONDAY,
    NINE,
    NOW,
    Practice,
    Provider,
    World,
    block,
    every_day,
    minute,
    stamp,
    written,
)
from services.availability.tests.servicer.calls import usd

# What is offered


@pytest.mark.req("SL-1", "SL-2")
def test_a_visitor_sees_the_starts_of_a_day(provider: Provider) -> None:
    found = provider.search()
    assert written(found.start_minutes) == ["02 14:00", "02 15:00", "02 16:00"]
    assert found.duration_minutes == 60
    assert found.revision == f"0.{found.revision.partition('.')[2]}"


@pytest.mark.req("SL-1", "AV-5")
def test_hours_are_the_providers_wall_clock(world: World, practice: Practice) -> None:
    practice.service()
    provider = practice.provider(*every_day("09:00", "10:00"), timezone="Asia/Kathmandu")
    assert provider.free() == ["03 03:15"]
    world.clock.present = MONDAY - 3 * DAY
    provider = practice.provider(*every_day("09:00", "10:00"))
    assert provider.free(MONDAY - 3 * DAY, MONDAY + DAY) == [
        *("30 13:00", "31 13:00"),
        *("01 14:00", "02 14:00"),  # after the clocks went back
    ]


@pytest.mark.req("SL-1", "AV-3")
def test_blocks_serve_the_modes_they_name(practice: Practice) -> None:
    practice.service()
    provider = practice.provider(
        block(0, "09:00", "10:00"),
        block(0, "10:00", "11:00", modes=[MODE_PHONE]),
        block(0, "11:00", "12:00", modes=[MODE_PHONE, MODE_IN_PERSON]),
    )
    assert provider.hours(mode=MODE_TELEHEALTH) == [9]
    assert provider.hours(mode=MODE_IN_PERSON) == [9, 11]
    assert provider.hours(mode=MODE_PHONE) == [9, 10, 11]


@pytest.mark.req("AV-3", "SL-3")
def test_blocks_that_are_not_online_are_not_offered(practice: Practice) -> None:
    practice.service()
    provider = practice.provider(
        block(0, "09:00", "10:00"), block(0, "10:00", "11:00", online=False)
    )
    assert provider.hours() == [9]


@pytest.mark.req("AV-11")
def test_starts_are_a_quarter_of_an_hour_apart_unless_the_type_says_otherwise(
    practice: Practice,
) -> None:
    practice.service(step_minutes=0, duration_minutes=50)
    provider = practice.provider(*every_day("09:00", "10:10"))
    assert provider.free() == ["02 14:00", "02 14:15"]


@pytest.mark.req("AV-6")
def test_an_override_replaces_the_hours_of_its_date(provider: Provider) -> None:
    provider.set_date("2026-11-02", block(0, "13:00", "14:00"))
    provider.set_date("2026-11-03")
    assert provider.free(MONDAY, MONDAY + 3 * DAY) == [
        "02 18:00",
        *("04 14:00", "04 15:00", "04 16:00"),
    ]


@pytest.mark.req("SL-1")
def test_the_range_bounds_the_starts_only(provider: Provider) -> None:
    assert provider.free(NINE, NINE + HOUR) == ["02 14:00"]
    assert provider.free(NINE + timedelta(minutes=1), NINE + 2 * HOUR) == ["02 15:00"]
    assert len(provider.free(MONDAY, MONDAY + 92 * DAY)) == 3 * 91  # at most 92 days ahead


# What is excluded


@pytest.mark.req("SL-3", "SL-8")
def test_what_is_booked_is_gone_with_its_buffers(practice: Practice) -> None:
    practice.service(buffer_before_minutes=5, buffer_after_minutes=10, step_minutes=30)
    provider = practice.provider(*every_day("09:00", "14:00"))
    booked = provider.book(NINE + 2 * HOUR)
    after = provider.search(revision=booked.revision)
    taken = 2 * 60
    free = [start - minute(NINE) for start in after.start_minutes]
    assert free == [m for m in range(0, 241, 30) if m + 75 <= taken or m >= taken + 75]


@pytest.mark.req("SL-3", "SL-8")
def test_what_is_held_is_gone_and_comes_back(provider: Provider) -> None:
    held = provider.hold()
    assert provider.hours(revision=held.revision) == [10, 11]
    booked = provider.book(NINE, hold=held)
    assert provider.hours(revision=booked.revision) == [10, 11]
    cancelled = provider.cancel(booked.booking_id)
    assert provider.hours(revision=cancelled.revision) == [9, 10, 11]


@pytest.mark.req("AV-15", "SL-3")
def test_nothing_is_offered_too_soon_or_too_far(world: World, practice: Practice) -> None:
    practice.service()
    provider = practice.provider()
    world.clock.present = NINE + 30 * timedelta(minutes=1)
    assert provider.hours() == [10, 11]
    world.clock.advance(timedelta(seconds=1))
    assert provider.hours() == [11]
    practice.set_policies(minimum_notice_minutes=24 * 60, maximum_advance_days=3)
    world.clock.present = NINE
    assert provider.free(MONDAY, MONDAY + 9 * DAY) == [
        f"{day:02} {hour}:00" for day in (3, 4) for hour in (14, 15, 16)
    ] + ["05 14:00"]


@pytest.mark.req("AV-15")
def test_a_providers_own_policies_lie_over_the_practices(practice: Practice) -> None:
    practice.service()
    practice.set_policies(minimum_notice_minutes=7 * 24 * 60)
    patient, eager = (
        practice.provider(),
        practice.provider(policies=av.Policies(minimum_notice_minutes=0, maximum_advance_days=0)),
    )
    assert patient.hours() == []
    assert eager.hours() == [9, 10, 11]
    assert len(eager.free(MONDAY + 3650 * DAY, MONDAY + 3651 * DAY)) == 3


@pytest.mark.req("AV-16", "SL-10")
def test_clients_who_may_not_schedule_see_nothing(practice: Practice) -> None:
    practice.service()
    practice.set_policies(new_clients_may_schedule=False, inactive_clients_may_schedule=False)
    provider = practice.provider()
    assert [
        provider.hours(status=status)
        for status in (CLIENT_STATUS_NEW, CLIENT_STATUS_ACTIVE, CLIENT_STATUS_INACTIVE)
    ] == [[], [9, 10, 11], []]
    assert provider.hours() == []  # a visitor is new
    assert first_starts(provider, 1) == []
    assert first_starts(provider, 1, client_status=CLIENT_STATUS_ACTIVE) == ["01 14:00"]
    practice.set_policies(clients_may_schedule=False)
    assert provider.hours(status=CLIENT_STATUS_ACTIVE) == []
    assert first_starts(provider, 1, client_status=CLIENT_STATUS_ACTIVE) == []


# Rooms


@pytest.mark.req("SL-3", "AV-3")
def test_a_room_that_another_provider_has_taken_is_taken(world: World, practice: Practice) -> None:
    practice.service()
    blue, green = practice.room("Blue room", "2 Oak Lane"), practice.room("Green room")
    first = practice.provider(*every_day("09:00", "11:00", room_id=blue))
    second = practice.provider(
        *every_day("09:00", "10:00", room_id=blue), *every_day("10:00", "11:00", room_id=green)
    )
    assert second.hours(mode=MODE_IN_PERSON) == [9, 10]
    first.book(NINE, MODE_IN_PERSON)
    until(lambda: second.hours(mode=MODE_IN_PERSON) == [10])  # cached: by the room's event
    assert second.hours(mode=MODE_TELEHEALTH) == [9, 10]
    with world.replica(world.bus) as other:
        assert second.hours(mode=MODE_IN_PERSON, on=other) == [10]  # loaded

    terms = first.check(NINE + HOUR, MODE_IN_PERSON).terms
    assert terms.address == "Blue room, 2 Oak Lane"
    assert [r.id for r in terms.resources] == [first.id, blue]
    assert second.check(NINE + HOUR, MODE_IN_PERSON).terms.address == "Green room, 1 Elm Street"
    assert len({r.number for p in (first, second) for r in p.check().terms.resources}) == 2


@pytest.mark.req("SL-3")
def test_a_room_of_an_override_counts_on_its_date(practice: Practice) -> None:
    practice.service()
    room = practice.room()
    first = practice.provider(*every_day("09:00", "11:00", room_id=room))
    second = practice.provider(*every_day("09:00", "11:00"))
    first.book(NINE, MODE_IN_PERSON)
    assert second.hours(mode=MODE_IN_PERSON) == [9, 10]
    changed = second.set_date("2026-11-02", block(0, "09:00", "11:00", room_id=room))
    until(lambda: second.hours(mode=MODE_IN_PERSON, revision=changed.revision) == [10])
    second.book(NINE + HOUR, MODE_IN_PERSON)
    until(lambda: first.hours(mode=MODE_IN_PERSON) == [])


# The first, and the nearest


def first_starts(provider: Provider, count: int, **more: Any) -> list[str]:
    with acting_as(VISITOR):
        found = provider.practice.rpc.ListNextSlots(
            ListNextSlotsRequest(
                username=provider.username,
                service="therapy",
                mode=MODE_TELEHEALTH,
                count=count,
                **more,
            )
        )
    assert found.duration_minutes == 60
    return written(found.start_minutes)


@pytest.mark.req("SL-4")
def test_the_first_slots_are_found_beyond_empty_weeks(world: World, practice: Practice) -> None:
    practice.service()
    provider = practice.provider(block(0, "09:00", "11:00"))
    assert first_starts(provider, 3) == ["02 14:00", "02 15:00", "09 14:00"]
    world.clock.present = NINE
    assert first_starts(provider, 1) == ["02 15:00"]
    provider.set_week()
    assert first_starts(provider, 50) == []
    provider.set_date("2027-01-20", block(0, "09:00", "10:00"))
    assert first_starts(provider, 50) == ["20 14:00"]
    held = provider.hold(NINE + 79 * DAY)
    assert first_starts(provider, 50, revision=held.revision) == []


@pytest.mark.req("SL-4", "AV-15")
def test_without_a_maximum_the_first_slots_are_found_years_ahead(practice: Practice) -> None:
    practice.service()
    practice.set_policies(maximum_advance_days=0)
    provider = practice.provider()
    provider.set_week()
    provider.set_date("2034-05-05", block(0, "09:00", "10:00"))
    assert first_starts(provider, 5) == ["05 13:00"]


@pytest.mark.req("BK-2")
def test_the_nearest_slots_lie_on_both_sides(provider: Provider) -> None:
    def nearest(around: str, count: int) -> list[str]:
        start = {"ten": NINE + HOUR, "before now": NOW - DAY, "noon": NINE + 3 * HOUR}[around]
        with acting_as(VISITOR):
            found = provider.practice.rpc.ListNearestSlots(
                ListNearestSlotsRequest(
                    username=provider.username,
                    service="therapy",
                    mode=MODE_TELEHEALTH,
                    start_time=stamp(start),
                    count=count,
                )
            )
        return written(found.start_minutes)

    provider.hold(NINE + HOUR)
    until(lambda: provider.hours() == [9, 11])
    assert nearest("ten", 2) == ["02 14:00", "02 16:00"]
    assert nearest("noon", 1) == ["02 16:00"]
    assert nearest("before now", 2) == ["01 14:00", "01 15:00"]


# Questions that are wrong


@pytest.mark.req("SL-10", "AV-14")
def test_a_service_that_is_not_offered_is_an_error(practice: Practice) -> None:
    provider = practice.provider()
    practice.service("inactive", active=False)
    practice.service("by-hand", online=False)
    practice.service("calls", modes=[MODE_PHONE, MODE_TELEHEALTH], telehealth_enabled=False)
    wrong = {
        ("inactive", MODE_PHONE): (Refused, "TYPE_INACTIVE", "service"),
        ("by-hand", MODE_PHONE): (Refused, "TYPE_NOT_ONLINE", "service"),
        ("calls", MODE_IN_PERSON): (Invalid, "MODE_NOT_OFFERED", "mode"),
        ("calls", MODE_TELEHEALTH): (Invalid, "TELEHEALTH_NOT_ENABLED", "mode"),
        ("nothing", MODE_PHONE): (NotFound, "SERVICE_TYPE_NOT_FOUND", "service"),
    }
    for (slug, mode), expected in wrong.items():
        with pytest.raises(DomainError) as raised:
            provider.search(service=slug, mode=mode)
        assert (type(raised.value), raised.value.reason, raised.value.field) == expected
    assert provider.hours(service="calls", mode=MODE_PHONE) == [9, 10, 11]


START, END = minute(MONDAY), minute(MONDAY + DAY)
YEAR_2101 = minute(utc("2101-01-01 00:00"))


@pytest.mark.req("SL-10")
@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"username": "nobody-of-this-name"}, "PROVIDER_NOT_FOUND", "username"),
        ({"username": ""}, "PROVIDER_NOT_FOUND", "username"),
        ({"username": "a\x00b"}, "PROVIDER_NOT_FOUND", "username"),
        ({"username": "x" * 100_000}, "PROVIDER_NOT_FOUND", "username"),
        ({"service": "a\x00b"}, "SERVICE_TYPE_NOT_FOUND", "service"),
        ({"mode": 0}, "INVALID_MODE", "mode"),
        ({"mode": 99}, "INVALID_MODE", "mode"),
        ({"mode": -1}, "INVALID_MODE", "mode"),
        ({"client_status": 99}, "INVALID_CHOICE", "client_status"),
        ({"first_minute": END, "end_minute": START}, "RANGE_REVERSED", "end_minute"),
        ({"end_minute": START}, "RANGE_REVERSED", "end_minute"),
        ({"end_minute": START + 94 * 1440}, "RANGE_TOO_LONG", "end_minute"),
        ({"end_minute": 2**32 - 1}, "RANGE_TOO_LONG", "end_minute"),
        ({"first_minute": 0}, "OUT_OF_RANGE", "first_minute"),
        ({"first_minute": YEAR_2101, "end_minute": YEAR_2101 + 1}, "OUT_OF_RANGE", "first_minute"),
        ({"first_minute": 2**32 - 2, "end_minute": 2**32 - 1}, "OUT_OF_RANGE", "first_minute"),
        ({"revision": "x"}, "INVALID_REVISION", "revision"),
        ({"revision": "-1"}, "INVALID_REVISION", "revision"),
        ({"revision": "1.2.3"}, "INVALID_REVISION", "revision"),
        ({"revision": "."}, "INVALID_REVISION", "revision"),
        ({"revision": "9" * 400}, "INVALID_REVISION", "revision"),
        ({"revision": "\x00"}, "INVALID_REVISION", "revision"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    provider: Provider, wrong: dict[str, Any], reason: str, field: str
) -> None:
    usual = {
        "username": provider.username,
        "service": "therapy",
        "mode": MODE_TELEHEALTH,
        "first_minute": START,
        "end_minute": END,
    }
    with acting_as(VISITOR), pytest.raises(DomainError) as raised:
        provider.practice.rpc.SearchSlots(SearchSlotsRequest(**{**usual, **wrong}))
    assert (raised.value.reason, raised.value.field) == (reason, field)


@pytest.mark.req("SL-10")
def test_counts_and_instants_are_checked(provider: Provider) -> None:
    about: dict[str, Any] = {
        "username": provider.username,
        "service": "therapy",
        "mode": MODE_TELEHEALTH,
    }
    stub = provider.practice.rpc
    for count in (0, -1, 51, 2**31 - 1):
        with acting_as(VISITOR), pytest.raises(Invalid) as raised:
            stub.ListNextSlots(ListNextSlotsRequest(**about, count=count))
        assert (raised.value.reason, raised.value.field) == ("OUT_OF_RANGE", "count")
    for seconds in (-(2**62), 0, 2**62):
        start = stamp(NINE)
        start.seconds = seconds
        with acting_as(VISITOR), pytest.raises(Invalid) as raised:
            stub.ListNearestSlots(ListNearestSlotsRequest(**about, count=1, start_time=start))
        assert (raised.value.reason, raised.value.field) == ("INVALID_TIME", "start_time")


# Checking


@pytest.mark.req("SL-7", "AV-14", "AV-15")
def test_a_start_is_answered_with_the_terms_that_hold_now(practice: Practice) -> None:
    fee = Fee(amount=usd(5000), by_mode=[ModeAmount(mode=MODE_IN_PERSON, amount=usd(8000))])
    kind = practice.service(no_show_fee=fee, buffer_after_minutes=10, code="90834")
    provider = practice.provider(policies=av.Policies(hold_minutes=7))
    terms = provider.check().terms
    number = terms.resources[0].number
    assert terms == av.Terms(
        practice_id=practice.id,
        provider_id=provider.id,
        provider_timezone="America/New_York",
        service_type=kind,
        policies=av.Policies(
            minimum_notice_minutes=30,
            maximum_advance_days=92,
            confirmation=av.CONFIRMATION_INSTANT,
            clients_may_schedule=True,
            new_clients_may_schedule=True,
            active_clients_may_schedule=True,
            inactive_clients_may_schedule=True,
            client_cancellation=av.CLIENT_CANCELLATION_ALLOWED,
            late_cancellation_minutes=24 * 60,
            hold_minutes=7,
        ),
        resources=[av.Resource(number=number, id=provider.id)],
        country="US",
    )
    assert number == provider.number
    in_person = provider.check(mode=MODE_IN_PERSON).terms
    assert (in_person.address, list(in_person.resources)) == (
        "1 Elm Street",
        list(terms.resources),
    )


@pytest.mark.req("SL-7")
def test_the_first_rule_that_fails_is_the_reason(world: World, practice: Practice) -> None:
    practice.service()
    practice.service("inactive", active=False)
    practice.service("by-hand", online=False)
    practice.service("calls", modes=[MODE_PHONE])
    practice.service("no-video", telehealth_enabled=False)
    practice.set_policies(inactive_clients_may_schedule=False)
    provider = practice.provider(
        *every_day("09:00", "12:00"), *every_day("12:00", "13:00", online=False)
    )

    def reason(field: str = "start_time", **how: Any) -> str:
        with pytest.raises(Refused) as raised:
            provider.check(**how)
        assert raised.value.field == field
        return raised.value.reason

    assert reason(status=CLIENT_STATUS_INACTIVE) == "CLIENT_STATUS_NOT_ALLOWED"
    assert reason("service", service="inactive") == "TYPE_INACTIVE"
    assert reason("service", service="by-hand") == "TYPE_NOT_ONLINE"
    assert reason("mode", service="calls") == "MODE_NOT_OFFERED"
    assert reason("mode", service="no-video") == "TELEHEALTH_NOT_ENABLED"
    assert reason(start=NOW) == "TOO_SOON"
    assert reason(start=NINE + 100 * DAY) == "TOO_FAR"
    assert reason(start=NINE - HOUR) == "OUTSIDE_HOURS"
    assert reason(start=NINE + 3 * HOUR) == "BLOCK_NOT_ONLINE"
    assert reason(start=NINE + HOUR / 2) == "OFF_GRID"
    assert reason(start=NINE + timedelta(seconds=1)) == "OFF_GRID"
    assert reason(start=NINE + timedelta(microseconds=1)) == "OFF_GRID"
    world.clock.present = NINE
    assert reason(start=NINE + timedelta(minutes=29)) == "TOO_SOON"
    practice.set_policies(clients_may_schedule=False)
    assert reason(start=NINE + HOUR) == "SELF_SCHEDULING_OFF"


@pytest.mark.req("SL-7")
def test_whether_a_start_is_taken_is_left_to_booking(provider: Provider) -> None:
    booked = provider.book()
    assert provider.hours(revision=booked.revision) == [10, 11]
    assert provider.check(NINE).terms.provider_id == provider.id


@pytest.mark.req("GW-13")
def test_only_booking_may_check(provider: Provider) -> None:
    request = CheckSlotRequest(username=provider.username)
    for who, failure in (
        (VISITOR, Unauthenticated),
        (client(provider.practice.id, ids.new()), NotAllowed),
        (provider.practice.owner, NotAllowed),
        (service("notifications"), NotAllowed),
    ):
        with acting_as(who), pytest.raises(failure):
            provider.practice.rpc.CheckSlot(request)


@pytest.mark.req("SL-10")
def test_a_check_that_makes_no_sense_is_refused(provider: Provider) -> None:
    usual: dict[str, Any] = {
        "username": provider.username,
        "service": "therapy",
        "mode": MODE_TELEHEALTH,
        "start_time": stamp(NINE),
    }
    table: tuple[tuple[dict[str, Any], str], ...] = (
        ({"username": "a\x00b"}, "PROVIDER_NOT_FOUND"),
        ({"service": ""}, "SERVICE_TYPE_NOT_FOUND"),
        ({"mode": 99}, "INVALID_MODE"),
        ({"client_status": -5}, "INVALID_CHOICE"),
        ({"start_time": None}, "INVALID_TIME"),
    )
    for wrong, reason in table:
        with acting_as(BOOKING), pytest.raises(DomainError) as raised:
            provider.practice.rpc.CheckSlot(CheckSlotRequest(**{**usual, **wrong}))
        assert raised.value.reason == reason


# The profile


@pytest.mark.req("AV-11", "AV-14", "AV-16")
def test_the_profile_shows_what_clients_can_book_and_nothing_private(practice: Practice) -> None:
    provider = practice.provider(email="ada@clinic.example")
    practice.service("inactive", active=False)
    practice.service("by-hand", online=False)
    practice.service("video-only", modes=[MODE_TELEHEALTH], telehealth_enabled=False)
    offered = practice.service("b-therapy", telehealth_enabled=False)
    practice.service("a-intake")
    with acting_as(VISITOR):
        found = practice.rpc.GetProfile(GetProfileRequest(username=provider.username))
    assert [kind.slug for kind in found.service_types] == ["a-intake", "b-therapy"]
    assert list(found.service_types[1].modes) == [MODE_IN_PERSON, MODE_PHONE]
    assert found.service_types[1].price == offered.price
    assert found.provider == av.Provider(
        provider_id=provider.id,
        practice_id=practice.id,
        username=provider.username,
        display_name="Ada",
        timezone="America/New_York",
        effective_policies=found.provider.effective_policies,
    )
    assert found.practice == av.Practice(
        practice_id=practice.id,
        name="Elm Street",
        timezone="America/New_York",
        currency_code="USD",
        country="US",
        address="1 Elm Street",
    )


def test_nobody_has_no_profile(world: World) -> None:
    for name in ("nobody-of-this-name", "", "\x00", "A B"):
        with acting_as(VISITOR), pytest.raises(NotFound) as raised:
            world.rpc.GetProfile(GetProfileRequest(username=name))
        assert raised.value.reason == "PROVIDER_NOT_FOUND"


# The list and the check agree

ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo")


@pytest.mark.req("SL-1", "SL-2", "SL-7")
def test_the_list_is_exactly_what_the_check_accepts(world: World) -> None:
    """Random set-ups: of those minutes that are looked at, the list has the ones that pass."""
    dice = random.Random(20261101)  # noqa: S311  # no secret
    practice = Practice(world)
    accepted = refused = 0
    for number in range(12):
        kind = _random_type(dice, f"therapy-{number}")
        slug = practice.service(**kind).slug
        provider = practice.provider(*_random_week(dice), timezone=dice.choice(ZONES))
        for day in range(dice.randrange(3)):
            provider.set_date(
                f"2026-11-{2 + day:02}", *(b for b in _random_week(dice) if b.day == day)
            )
        practice.set_policies(
            minimum_notice_minutes=dice.choice((0, 30, 1440, 2895)),
            maximum_advance_days=dice.choice((0, 3, 92)),
        )
        mode = dice.choice((MODE_TELEHEALTH, MODE_IN_PERSON, MODE_PHONE))
        listed = set(
            provider.search(MONDAY, MONDAY + 5 * DAY, service=slug, mode=mode).start_minutes
        )
        looked_at = {dice.randrange(START, START + 5 * 1440, 5) for _ in range(25)}
        for start in dice.sample(sorted(listed), min(10, len(listed))):
            looked_at |= {start, start + 1, start - kind["step_minutes"]}
        found = {m for m in looked_at if _passes(provider, m, slug, mode)}
        assert found == {m for m in looked_at if m in listed}
        accepted, refused = accepted + len(found), refused + len(looked_at - found)
        _retire(practice, slug)
    assert accepted > 50
    assert refused > 200


def _random_type(dice: random.Random, slug: str) -> dict[str, Any]:
    return {
        "slug": slug,
        "duration_minutes": dice.choice((5, 25, 50, 90, 480)),
        "step_minutes": dice.choice((5, 15, 20, 50)),
        "buffer_before_minutes": dice.choice((0, 10)),
        "buffer_after_minutes": dice.choice((0, 15)),
    }


def _random_week(dice: random.Random) -> list[av.WeeklyBlock]:
    """Blocks that touch, or leave gaps, and run up to midnight."""
    blocks = []
    for day in range(7):
        edges = sorted(dice.sample(range(0, 1441, 5), 4))
        if dice.random() < 0.5:
            edges[2] = edges[1]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if start < end:
                blocks.append(
                    block(
                        day,
                        f"{start // 60:02}:{start % 60:02}",
                        f"{end // 60:02}:{end % 60:02}",
                        online=dice.random() < 0.8,
                        modes=dice.sample([MODE_TELEHEALTH, MODE_IN_PERSON, MODE_PHONE], 2),
                    )
                )
    dice.shuffle(blocks)
    return blocks


def _passes(provider: Provider, start: int, slug: str, mode: Any) -> bool:
    try:
        provider.check(MONDAY + timedelta(minutes=start - START), mode, slug)
    except Refused:
        return False
    return True


def _retire(practice: Practice, slug: str) -> None:
    with acting_as(staff(practice.id)):
        listed = practice.rpc.ListServiceTypes(ListServiceTypesRequest()).service_types
        (kind,) = (kind for kind in listed if kind.slug == slug)
        practice.rpc.DeleteServiceType(
            DeleteServiceTypeRequest(service_type_id=kind.service_type_id)
        )
