"""Weekly hours and overrides."""

from functools import partial

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.hours_service_pb2 import (
    CreateOverrideRequest,
    DeleteOverrideRequest,
    GetWeeklyHoursRequest,
    ListOverridesRequest,
    ReplaceWeeklyHoursRequest,
    ReplaceWeeklyHoursResponse,
)
from attune.common.v1.types_pb2 import (
    MODE_IN_PERSON,
    MODE_PHONE,
)
from attune_testing.concurrency import at_once
from attune_testing.identities import staff
from attune_testing.waiting import until
from common import ids
from common.errors import (
    Invalid,
    NotFound,
    Stale,
)
from common.rpc.identity import VISITOR, acting_as
from services.availability.tests.availability_world import (
    DAY,
    HOUR,
    NINE,
    Practice,
    Provider,
    World,
    block,
    every_day,
)
from services.availability.tests.servicer.calls import new_provider

# Weekly hours


@pytest.mark.req("AV-1", "AV-3")
def test_a_week_is_saved_and_read_as_it_was_given(practice: Practice) -> None:
    room = practice.room()
    provider = practice.provider()
    blocks = [
        block(0, "00:00", "24:00"),
        block(2, "13:00", "17:30", online=False, modes=[MODE_PHONE], room_id=""),
        block(2, "09:00", "12:00", online=True, modes=[MODE_IN_PERSON], room_id=room),
    ]
    saved = provider.set_week(*blocks).hours
    blocks[0].online = True
    assert saved == av.WeeklyHours(blocks=blocks, version=3)
    with acting_as(staff(practice.id, "supervisor")):
        request = GetWeeklyHoursRequest(username=provider.username)
        assert practice.rpc.GetWeeklyHours(request).hours == saved
    assert provider.set_week().hours == av.WeeklyHours(version=4)


@pytest.mark.req("AV-1")
@pytest.mark.parametrize(
    ("blocks", "reason", "field", "words"),
    [
        (
            [block(2, f"{hour:02}:00", f"{hour:02}:30") for hour in range(16)],
            "TOO_MANY_BLOCKS",
            "blocks[15]",
            "Wednesday, block 16",
        ),
        (
            [block(0, "09:00", "10:00"), block(4, "10:00", "10:00")],
            "END_NOT_AFTER_START",
            "blocks[1].end",
            "Friday, block 1",
        ),
        (
            [block(6, "09:00", "12:00"), block(6, "11:59", "13:00")],
            "BLOCKS_OVERLAP",
            "blocks[1].start",
            "Sunday, block 2",
        ),
        ([block(0, "9:00", "10:00")], "INVALID_TIME", "blocks[0].start", "HH:MM"),
        ([block(0, "09:00", "24:01")], "INVALID_TIME", "blocks[0].end", "24:00"),
        ([block(0, "24:00", "24:00")], "INVALID_TIME", "blocks[0].start", "Monday, block 1"),
        ([block(0, "", "\x00")], "INVALID_TIME", "blocks[0].start", "HH:MM"),
        ([block(7, "09:00", "10:00")], "UNKNOWN_DAY", "blocks[0].day", "Sunday"),
        ([block(-(2**31), "09:00", "10:00")], "UNKNOWN_DAY", "blocks[0].day", "Sunday"),
        ([block(0, "09:00", "10:00", modes=[99])], "INVALID_MODE", "blocks[0].modes", "telehealth"),
        ([block(0, "09:00", "10:00", room_id="x")], "UNKNOWN_ROOM", "blocks[0].room_id", "room"),
    ],
)
def test_a_week_that_cannot_be_saved_is_explained_and_not_saved(
    provider: Provider, blocks: list[av.WeeklyBlock], reason: str, field: str, words: str
) -> None:
    with pytest.raises(Invalid) as raised:
        provider.set_week(*blocks)
    assert (raised.value.reason, raised.value.field) == (reason, field)
    assert words in raised.value.message
    assert provider.hours() == [9, 10, 11]


@pytest.mark.req("AV-1")
def test_a_room_of_another_practice_is_unknown(world: World, provider: Provider) -> None:
    foreign = Practice(world).room()
    with pytest.raises(Invalid) as raised:
        provider.set_week(block(0, "09:00", "10:00", room_id=foreign))
    assert raised.value.reason == "UNKNOWN_ROOM"


def save_week(
    provider: Provider, version: int, *blocks: av.WeeklyBlock
) -> ReplaceWeeklyHoursResponse:
    with acting_as(provider.practice.owner):
        return provider.practice.rpc.ReplaceWeeklyHours(
            ReplaceWeeklyHoursRequest(
                username=provider.username, hours=av.WeeklyHours(blocks=blocks, version=version)
            )
        )


@pytest.mark.req("AV-4")
def test_of_saves_at_once_one_is_kept_and_the_others_are_told(provider: Provider) -> None:
    weeks = [every_day(f"{hour:02}:00", f"{hour + 1:02}:00") for hour in range(8, 16)]
    results = at_once([partial(save_week, provider, 2, *week) for week in weeks])
    saved = [r for r in results if isinstance(r, ReplaceWeeklyHoursResponse)]
    stale = [r for r in results if isinstance(r, Stale)]
    assert (len(saved), len(stale)) == (1, 7)
    assert {(s.reason, s.field) for s in stale} == {("STALE", "hours.version")}
    with acting_as(provider.practice.owner):
        request = GetWeeklyHoursRequest(username=provider.username)
        assert provider.practice.rpc.GetWeeklyHours(request).hours == saved[0].hours


@pytest.mark.req("AV-4")
def test_only_the_first_week_needs_no_version(practice: Practice) -> None:
    with acting_as(practice.owner):
        made = practice.rpc.CreateProvider(new_provider()).provider
    provider = Provider(practice, made.username, made.provider_id)
    assert save_week(provider, 0).hours.version == 2
    for version in (0, 1, 3, -1, 2**63 - 1):
        with pytest.raises(Stale):
            save_week(provider, version)
    assert save_week(provider, 2).hours.version == 3


@pytest.mark.req("AV-2")
def test_saving_shows_at_once_and_names_the_bookings_left_outside(
    world: World, provider: Provider
) -> None:
    nine, ten = provider.book(NINE), provider.book(NINE + HOUR)
    next_week = provider.book(NINE + 7 * DAY)
    provider.hold(NINE + 2 * HOUR)
    until(lambda: len(world.projection(provider.number)) == 4)
    assert list(provider.set_week(*every_day("09:00", "12:00")).booking_ids_outside) == []

    saved = provider.set_week(*every_day("10:00", "14:00"))
    assert list(saved.booking_ids_outside) == [nine.booking_id, next_week.booking_id]
    assert provider.hours(revision=ten.revision) == [12, 13]
    assert provider.hours(revision=saved.revision) == [12, 13]
    with acting_as(VISITOR):  # they stay as they are
        assert world.projection(provider.number) >= {nine.booking_id, next_week.booking_id}

    world.clock.present = NINE + DAY  # what is over is not named
    assert list(provider.set_week().booking_ids_outside) == [next_week.booking_id]


@pytest.mark.req("AV-2", "AV-6")
def test_an_override_names_the_bookings_left_outside(world: World, provider: Provider) -> None:
    nine, ten = provider.book(NINE), provider.book(NINE + HOUR)
    until(lambda: len(world.projection(provider.number)) == 2)
    saved = provider.set_date("2026-11-02", block(0, "09:30", "11:00"))
    assert list(saved.booking_ids_outside) == [nine.booking_id]
    closed = provider.set_date("2026-11-02")
    assert list(closed.booking_ids_outside) == [nine.booking_id, ten.booking_id]
    elsewhere = provider.set_date("2026-11-03")
    assert list(elsewhere.booking_ids_outside) == [nine.booking_id, ten.booking_id]


# Overrides


def list_overrides(provider: Provider, since: str = "") -> list[av.Override]:
    with acting_as(provider.practice.owner):
        return list(
            provider.practice.rpc.ListOverrides(
                ListOverridesRequest(username=provider.username, from_date=since)
            ).overrides
        )


@pytest.mark.req("AV-6")
def test_overrides_are_kept_one_for_each_date(world: World, provider: Provider) -> None:
    room = provider.practice.room()
    closed = provider.set_date("2026-12-24").override
    provider.set_date("2026-11-02", block(0, "08:00", "09:00"))
    replaced = provider.set_date(
        "2026-11-02", block(3, "10:00", "11:00", modes=[MODE_IN_PERSON], room_id=room)
    ).override
    past = provider.set_date("2026-10-30").override
    expected = block(3, "10:00", "11:00", modes=[MODE_IN_PERSON], room_id=room, online=True)
    assert replaced == av.Override(
        override_id=replaced.override_id, date="2026-11-02", blocks=[expected]
    )
    assert list_overrides(provider) == [replaced, closed]
    assert list_overrides(provider, "2000-01-01") == [past, replaced, closed]
    assert list_overrides(provider, "2026-11-03") == [closed]
    assert provider.hours(mode=MODE_IN_PERSON) == [10]

    with acting_as(provider.practice.owner):
        deleted = world.rpc.DeleteOverride(
            DeleteOverrideRequest(username=provider.username, override_id=replaced.override_id)
        )
    assert provider.hours(revision=deleted.revision) == [9, 10, 11]
    assert list_overrides(provider) == [closed]


@pytest.mark.req("AV-6")
def test_an_override_of_somebody_else_cannot_be_deleted(provider: Provider) -> None:
    other = provider.practice.provider()
    theirs = other.set_date("2026-11-02").override
    for wrong in (theirs.override_id, str(ids.new()), "", "\x00", "x" * 5000):
        with acting_as(provider.practice.owner), pytest.raises(NotFound):
            provider.practice.rpc.DeleteOverride(
                DeleteOverrideRequest(username=provider.username, override_id=wrong)
            )
    assert list_overrides(other) == [theirs]


@pytest.mark.req("AV-6")
@pytest.mark.parametrize(
    ("date", "blocks", "reason", "field"),
    [
        ("", [], "INVALID_DATE", "override.date"),
        ("2026-02-30", [], "INVALID_DATE", "override.date"),
        ("1999-12-31", [], "INVALID_DATE", "override.date"),
        ("2101-01-01", [], "INVALID_DATE", "override.date"),
        ("2026-11-02\x00", [], "INVALID_DATE", "override.date"),
        ("2026-11-02", [block(0, "12:00", "09:00")], "END_NOT_AFTER_START", "blocks[0].end"),
        (
            "2026-11-02",
            [block(1, "09:00", "12:00"), block(2, "10:00", "11:00")],
            "BLOCKS_OVERLAP",
            "blocks[1].start",
        ),
    ],
)
def test_an_override_is_checked(
    provider: Provider, date: str, blocks: list[av.WeeklyBlock], reason: str, field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        provider.set_date(date, *blocks)
    assert (raised.value.reason, raised.value.field) == (reason, field)


@pytest.mark.req("AV-6", "BK-4")
def test_a_repeated_override_changes_nothing_more(provider: Provider) -> None:
    request = CreateOverrideRequest(
        request_id=str(ids.new()),
        username=provider.username,
        override=av.Override(date="2026-11-02"),
    )
    with acting_as(provider.practice.owner):
        made = provider.practice.rpc.CreateOverride(request)
        later = provider.set_date("2026-11-02", block(0, "10:00", "11:00")).override
        assert provider.practice.rpc.CreateOverride(request) == made
    assert list_overrides(provider) == [later]
