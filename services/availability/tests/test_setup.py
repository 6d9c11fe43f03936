"""Setting up a practice through the RPCs: what may be saved, by whom, and what follows."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import select

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1 import (
    hours_service_pb2,
    physical_room_service_pb2,
    policy_service_pb2,
    practice_service_pb2,
    provider_service_pb2,
    service_type_service_pb2,
    slot_service_pb2,
)
from attune.availability.v1.events_pb2 import PracticeChanged, ProviderChanged
from attune.availability.v1.hours_service_pb2 import (
    CreateOverrideRequest,
    DeleteOverrideRequest,
    GetWeeklyHoursRequest,
    ListOverridesRequest,
    ReplaceWeeklyHoursRequest,
    ReplaceWeeklyHoursResponse,
)
from attune.availability.v1.physical_room_service_pb2 import (
    CreatePhysicalRoomRequest,
    ListPhysicalRoomsRequest,
)
from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesRequest,
    GetPoliciesResponse,
    ReplacePoliciesRequest,
    ReplacePoliciesResponse,
)
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import (
    CreateProviderRequest,
    GetProviderRequest,
    ListProvidersRequest,
)
from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
    DeleteServiceTypeRequest,
    ListServiceTypesRequest,
    UpdateServiceTypeRequest,
)
from attune.common.v1.types_pb2 import (
    MODE_IN_PERSON,
    MODE_PHONE,
    MODE_TELEHEALTH,
    Fee,
    ModeAmount,
    Money,
)
from attune_testing.concurrency import at_once
from attune_testing.identities import client, service, staff
from attune_testing.waiting import until
from availability.store import tables as rows
from common import ids
from common.db.database import EVERY_PRACTICE
from common.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    Refused,
    Stale,
    Unauthenticated,
)
from common.rpc.identity import VISITOR, Identity, acting_as
from services.availability.tests.availability_world import (
    ALL_MODES,
    DAY,
    HOUR,
    MONDAY,
    NINE,
    OPERATOR,
    Practice,
    Provider,
    World,
    block,
    every_day,
    minute,
    service_type,
)


@pytest.fixture
def provider(practice: Practice) -> Provider:
    practice.service()
    return practice.provider()


def usd(amount: int) -> Money:
    return Money(minor_units=amount, currency_code="USD")


DEFAULTS = av.Policies(
    minimum_notice_minutes=30,
    maximum_advance_days=92,
    confirmation=av.CONFIRMATION_INSTANT,
    clients_may_schedule=True,
    new_clients_may_schedule=True,
    active_clients_may_schedule=True,
    inactive_clients_may_schedule=True,
    client_cancellation=av.CLIENT_CANCELLATION_ALLOWED,
    late_cancellation_minutes=24 * 60,
    hold_minutes=5,
)


# Practices and providers


def new_practice(**more: Any) -> av.Practice:
    usual = {"name": "Elm Street", "timezone": "America/New_York", "currency_code": "USD"}
    return av.Practice(**{**usual, **more})


@pytest.mark.req("AV-15", "AV-16")
def test_a_practice_begins_with_the_products_policies(world: World) -> None:
    with acting_as(OPERATOR):
        made = world.rpc.CreatePractice(
            CreatePracticeRequest(
                practice=new_practice(
                    address=" 1 Elm Street ", policies=av.Policies(hold_minutes=9)
                )
            )
        ).practice
    policies = av.Policies()
    policies.CopyFrom(DEFAULTS)
    policies.hold_minutes = 9
    assert made == av.Practice(
        practice_id=made.practice_id,
        name="Elm Street",
        timezone="America/New_York",
        currency_code="USD",
        address="1 Elm Street",
        policies=policies,
        version=1,
    )


@pytest.mark.req("AV-5")
@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"name": ""}, "REQUIRED", "practice.name"),
        ({"name": " \t"}, "REQUIRED", "practice.name"),
        ({"name": "x" * 201}, "TOO_LONG", "practice.name"),
        ({"name": "a\x00b"}, "INVALID_TEXT", "practice.name"),
        ({"timezone": "Mars/Olympus"}, "UNKNOWN_ZONE", "practice.timezone"),
        ({"timezone": "../etc/passwd"}, "UNKNOWN_ZONE", "practice.timezone"),
        ({"timezone": ""}, "UNKNOWN_ZONE", "practice.timezone"),
        ({"currency_code": "usd"}, "INVALID_CURRENCY", "practice.currency_code"),
        ({"address": "two\nlines"}, "INVALID_TEXT", "practice.address"),
        (
            {"policies": av.Policies(hold_minutes=0)},
            "OUT_OF_RANGE",
            "practice.policies.hold_minutes",
        ),
    ],
)
def test_a_practice_is_checked(world: World, wrong: Any, reason: str, field: str) -> None:
    with acting_as(OPERATOR), pytest.raises(Invalid) as raised:
        world.rpc.CreatePractice(CreatePracticeRequest(practice=new_practice(**wrong)))
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_a_practice_is_made_once_for_a_request_id(world: World) -> None:
    request = CreatePracticeRequest(request_id=str(ids.new()), practice=new_practice())
    with acting_as(OPERATOR):
        made = [world.rpc.CreatePractice(request).practice for _ in range(2)]
        assert made[0] == made[1]
        request.practice.name = "Oak Street"
        with pytest.raises(Conflict) as raised:
            world.rpc.CreatePractice(request)
    assert raised.value.reason == "REQUEST_ID_REUSED"


def new_provider(**more: Any) -> CreateProviderRequest:
    usual = {
        "username": f"p-{ids.new().hex[:12]}",
        "display_name": "Ada",
        "timezone": "Europe/Berlin",
    }
    request_id = more.pop("request_id", "")
    return CreateProviderRequest(request_id=request_id, provider=av.Provider(**{**usual, **more}))


def test_a_provider_is_made_and_found(practice: Practice) -> None:
    request = new_provider(
        email="ada@clinic.example", policies=av.Policies(minimum_notice_minutes=0)
    )
    with acting_as(practice.owner):
        made = practice.rpc.CreateProvider(request).provider
        found = practice.rpc.GetProvider(GetProviderRequest(provider_id=made.provider_id))
    effective = av.Policies()
    effective.CopyFrom(DEFAULTS)
    effective.minimum_notice_minutes = 0
    assert made == av.Provider(
        provider_id=made.provider_id,
        practice_id=practice.id,
        username=request.provider.username,
        display_name="Ada",
        timezone="Europe/Berlin",
        email="ada@clinic.example",
        policies=av.Policies(minimum_notice_minutes=0),
        effective_policies=effective,
        version=1,
    )
    assert found.provider == made
    assert found.practice == new_practice(
        practice_id=practice.id, address="1 Elm Street", policies=DEFAULTS, version=1
    )


@pytest.mark.req("PF-7")
def test_a_providers_email_is_seen_by_those_who_may_and_stored_encrypted(
    world: World, practice: Practice
) -> None:
    provider = practice.provider(email="ada@clinic.example")
    request = GetProviderRequest(provider_id=provider.id)
    seen = {}
    for who in (
        practice.owner,
        staff(practice.id, "manager"),
        service("notifications", practice.id),
        provider.clinician,
        staff(practice.id, "clinician", provider_id=ids.new()),
        staff(practice.id, "supervisor"),
    ):
        with acting_as(who):
            seen[who] = practice.rpc.GetProvider(request).provider.email
    assert list(seen.values()) == ["ada@clinic.example"] * 4 + [""] * 2
    with world.database.transaction(practice.id) as session:
        (row,) = session.scalars(select(rows.Provider))
        assert row.email_sealed is not None
        assert b"ada@" not in row.email_sealed


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"username": ""}, "INVALID_SLUG", "provider.username"),
        ({"username": "Ada"}, "INVALID_SLUG", "provider.username"),
        ({"username": "a" * 61}, "INVALID_SLUG", "provider.username"),
        ({"username": "ada\n"}, "INVALID_SLUG", "provider.username"),
        ({"display_name": ""}, "REQUIRED", "provider.display_name"),
        ({"timezone": "Berlin"}, "UNKNOWN_ZONE", "provider.timezone"),
        ({"email": "ada"}, "INVALID_EMAIL", "provider.email"),
        ({"email": "a@b.example\x00"}, "INVALID_TEXT", "provider.email"),
        (
            {"policies": av.Policies(confirmation=av.CONFIRMATION_UNSPECIFIED)},
            "INVALID_CHOICE",
            "provider.policies.confirmation",
        ),
    ],
)
def test_a_provider_is_checked(practice: Practice, wrong: Any, reason: str, field: str) -> None:
    with acting_as(practice.owner), pytest.raises(Invalid) as raised:
        practice.rpc.CreateProvider(new_provider(**wrong))
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_a_username_is_unique_among_all_practices(world: World, practice: Practice) -> None:
    provider = practice.provider()
    for other in (practice, Practice(world)):
        with acting_as(other.owner), pytest.raises(Conflict) as raised:
            world.rpc.CreateProvider(new_provider(username=provider.username))
        assert (raised.value.reason, raised.value.field) == ("USERNAME_TAKEN", "provider.username")


def test_one_provider_comes_of_a_request_sent_many_times(practice: Practice) -> None:
    request = new_provider(request_id=str(ids.new()))

    def create() -> av.Provider:
        with acting_as(practice.owner):
            return practice.rpc.CreateProvider(request).provider

    results = at_once([create] * 8)
    assert len({p.provider_id for p in results if isinstance(p, av.Provider)}) == 1
    assert all(isinstance(result, av.Provider) for result in results)
    # Whoever else sends the same key has their own.
    with acting_as(staff(practice.id)), pytest.raises(Conflict) as raised:
        practice.rpc.CreateProvider(request)
    assert raised.value.reason == "USERNAME_TAKEN"


def test_providers_are_listed_a_page_at_a_time(world: World, practice: Practice) -> None:
    wanted = sorted(practice.provider().username for _ in range(5))
    Practice(world).provider()
    pages, token = [], ""
    with acting_as(practice.owner):
        for _ in range(3):
            page = practice.rpc.ListProviders(ListProvidersRequest(page_size=2, page_token=token))
            pages.append([provider.username for provider in page.providers])
            token = page.next_page_token
        assert pages == [wanted[:2], wanted[2:4], wanted[4:]]
        assert token == ""
        everybody = practice.rpc.ListProviders(ListProvidersRequest())
        assert (len(everybody.providers), everybody.next_page_token) == (5, "")
        for wrong, field in (
            ({"page_size": -1}, "page_size"),
            ({"page_size": 201}, "page_size"),
            ({"page_token": "?"}, "page_token"),
            ({"page_token": "AAAA"}, "page_token"),
            ({"page_token": "\x00"}, "page_token"),
        ):
            with pytest.raises(Invalid) as raised:
                practice.rpc.ListProviders(ListProvidersRequest(**wrong))
            assert raised.value.field == field


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
        ([block(0, "09:00", "10:00", modes=[99])], "INVALID_MODE", "blocks[0].modes", "mode"),
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


# Physical rooms


def test_rooms_are_listed_by_name(world: World, practice: Practice) -> None:
    Practice(world).room("Elsewhere")
    green, blue = practice.room(" Green room "), practice.room("Blue room", "2 Oak Lane")
    with acting_as(practice.owner):
        found = practice.rpc.ListPhysicalRooms(ListPhysicalRoomsRequest()).physical_rooms
    assert list(found) == [
        av.PhysicalRoom(room_id=blue, name="Blue room", address="2 Oak Lane"),
        av.PhysicalRoom(room_id=green, name="Green room"),
    ]
    for name, reason in (("", "REQUIRED"), ("\x00", "INVALID_TEXT"), ("x" * 201, "TOO_LONG")):
        with pytest.raises(Invalid) as raised:
            practice.room(name)
        assert (raised.value.reason, raised.value.field) == (reason, "physical_room.name")


# Service types


def list_types(practice: Practice) -> list[av.ServiceType]:
    with acting_as(practice.owner):
        return list(practice.rpc.ListServiceTypes(ListServiceTypesRequest()).service_types)


def update_type(
    practice: Practice, kind: av.ServiceType, *fields: str, version: int = 0, **values: Any
) -> av.ServiceType:
    with acting_as(practice.owner):
        return practice.rpc.UpdateServiceType(
            UpdateServiceTypeRequest(
                service_type=av.ServiceType(
                    service_type_id=kind.service_type_id,
                    version=version or kind.version,
                    **values,
                ),
                update_fields=fields or list(values),
            )
        ).service_type


def delete_type(practice: Practice, kind: av.ServiceType) -> None:
    with acting_as(practice.owner):
        practice.rpc.DeleteServiceType(
            DeleteServiceTypeRequest(service_type_id=kind.service_type_id)
        )


@pytest.mark.req("AV-11")
def test_a_service_type_is_kept_whole(practice: Practice) -> None:
    fee = Fee(amount=usd(0), by_mode=[ModeAmount(mode=MODE_IN_PERSON, amount=usd(8000))])
    kind = practice.service(
        title=" Therapy ",
        description="Words.\nMore of them.",
        duration_minutes=480,
        modes=[MODE_PHONE, MODE_TELEHEALTH, MODE_PHONE],
        step_minutes=0,
        buffer_before_minutes=5,
        buffer_after_minutes=10,
        code="90834",
        active=True,
        online=False,
        telehealth_enabled=False,
        price=Money(minor_units=10**12),
        no_show_fee=fee,
    )
    assert kind == av.ServiceType(
        service_type_id=kind.service_type_id,
        slug="therapy",
        title="Therapy",
        description="Words.\nMore of them.",
        duration_minutes=480,
        modes=[MODE_TELEHEALTH, MODE_PHONE],
        step_minutes=15,
        buffer_before_minutes=5,
        buffer_after_minutes=10,
        code="90834",
        active=True,
        online=False,
        telehealth_enabled=False,
        price=usd(10**12),
        no_show_fee=fee,
        version=1,
    )
    another = practice.service("assessment")
    assert list_types(practice) == [another, kind]


@pytest.mark.req("AV-11")
@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"slug": ""}, "INVALID_SLUG", "slug"),
        ({"slug": "a b"}, "INVALID_SLUG", "slug"),
        ({"title": ""}, "REQUIRED", "title"),
        ({"title": "x" * 201}, "TOO_LONG", "title"),
        ({"title": "a\x00"}, "INVALID_TEXT", "title"),
        ({"description": "x" * 4001}, "TOO_LONG", "description"),
        ({"description": "\x00"}, "INVALID_TEXT", "description"),
        ({"code": "x" * 61}, "TOO_LONG", "code"),
        ({"duration_minutes": 4}, "OUT_OF_RANGE", "duration_minutes"),
        ({"duration_minutes": 481}, "OUT_OF_RANGE", "duration_minutes"),
        ({"step_minutes": -1}, "OUT_OF_RANGE", "step_minutes"),
        ({"step_minutes": 2**31 - 1}, "OUT_OF_RANGE", "step_minutes"),
        ({"buffer_before_minutes": -1}, "OUT_OF_RANGE", "buffer_before_minutes"),
        ({"buffer_after_minutes": 241}, "OUT_OF_RANGE", "buffer_after_minutes"),
        ({"modes": []}, "NO_MODES", "modes"),
        ({"modes": [0]}, "INVALID_CHOICE", "modes"),
        ({"modes": [99]}, "INVALID_CHOICE", "modes"),
        ({"price": usd(-1)}, "OUT_OF_RANGE", "price.minor_units"),
        ({"price": usd(2**63 - 1)}, "OUT_OF_RANGE", "price.minor_units"),
        ({"price": Money(currency_code="EUR")}, "CURRENCY_DIFFERS", "price.currency_code"),
        ({"no_show_fee": Fee(amount=usd(-1))}, "OUT_OF_RANGE", "no_show_fee.amount.minor_units"),
        (
            {"late_cancellation_fee": Fee(by_mode=[ModeAmount(amount=usd(1))])},
            "INVALID_CHOICE",
            "late_cancellation_fee.by_mode",
        ),
        (
            {"no_show_fee": Fee(by_mode=[ModeAmount(mode=MODE_PHONE, amount=usd(1))] * 2)},
            "MODE_TWICE",
            "no_show_fee.by_mode",
        ),
    ],
)
def test_a_service_type_is_checked_when_made_and_when_changed(
    practice: Practice, wrong: dict[str, Any], reason: str, field: str
) -> None:
    kind = practice.service("kept")
    tries: tuple[Callable[[], object], ...] = (
        partial(practice.service, **{"slug": "new", **wrong}),
        partial(update_type, practice, kind, *wrong, **wrong),
    )
    for attempt in tries:
        with pytest.raises((Invalid, Refused)) as raised:
            attempt()
        assert (raised.value.reason, raised.value.field) == (reason, f"service_type.{field}")
    assert list_types(practice) == [kind]


@pytest.mark.req("AV-11")
def test_only_the_named_fields_change(practice: Practice) -> None:
    kind = practice.service(no_show_fee=Fee(amount=usd(1)), price=usd(5), description="Words")
    changed = update_type(
        practice,
        kind,
        *("price", "no_show_fee", "online", "modes", "late_cancellation_fee", "description"),
        title="Not named",
        modes=[MODE_PHONE],
        late_cancellation_fee=Fee(amount=usd(2)),
    )
    kind.ClearField("no_show_fee")
    kind.price.minor_units, kind.online, kind.version, kind.description = 0, False, 2, ""
    del kind.modes[:]
    kind.modes.append(MODE_PHONE)
    kind.late_cancellation_fee.CopyFrom(Fee(amount=usd(2)))
    assert changed == kind
    assert list_types(practice) == [kind]

    for fields in ([], ["nonsense"], ["version"], ["service_type_id"], ["title", "\x00"]):
        with acting_as(practice.owner), pytest.raises(Invalid) as raised:
            practice.rpc.UpdateServiceType(
                UpdateServiceTypeRequest(service_type=kind, update_fields=fields)
            )
        assert raised.value.field == "update_fields"


@pytest.mark.req("AV-4", "AV-11")
def test_of_two_changes_of_a_service_type_based_on_one_version_the_second_is_stale(
    practice: Practice,
) -> None:
    kind = practice.service()
    results = at_once([partial(update_type, practice, kind, title=f"Title {n}") for n in range(6)])
    assert sum(isinstance(r, av.ServiceType) for r in results) == 1
    assert sum(isinstance(r, Stale) for r in results) == 5
    with pytest.raises(Stale):
        update_type(practice, kind, title="Late")


@pytest.mark.req("AV-11")
def test_a_slug_is_unique_in_its_practice(world: World, practice: Practice) -> None:
    kind, other = practice.service("therapy"), practice.service("other")
    tries: tuple[Callable[[], object], ...] = (
        partial(practice.service, "therapy"),
        partial(update_type, practice, other, slug="therapy"),
    )
    for attempt in tries:
        with pytest.raises(Conflict) as raised:
            attempt()
        assert (raised.value.reason, raised.value.field) == ("SLUG_TAKEN", "service_type.slug")
    Practice(world).service("therapy")
    delete_type(practice, kind)
    assert update_type(practice, other, slug="therapy").slug == "therapy"
    assert [k.slug for k in list_types(practice)] == ["therapy"]
    results = at_once([partial(practice.service, "new") for _ in range(6)])
    assert sum(isinstance(r, av.ServiceType) for r in results) == 1
    assert {r.reason for r in results if isinstance(r, DomainError)} == {"SLUG_TAKEN"}


@pytest.mark.req("AV-11")
def test_the_sixteenth_active_type_is_refused_also_when_many_come_at_once(
    practice: Practice,
) -> None:
    for number in range(13):
        practice.service(f"type-{number}")
    spare = practice.service("spare", active=False)
    work: list[Callable[[], object]] = [
        partial(practice.service, f"late-{number}") for number in range(5)
    ]
    results = at_once([*work, partial(update_type, practice, spare, active=True)])
    assert sum(isinstance(r, av.ServiceType) for r in results) == 2
    refused = [r for r in results if isinstance(r, Refused)]
    assert {(r.reason, r.field) for r in refused} == {
        ("TOO_MANY_ACTIVE_SERVICE_TYPES", "service_type.active")
    }
    assert len(refused) == 4
    assert sum(kind.active for kind in list_types(practice)) == 15
    delete_type(practice, list_types(practice)[0])
    practice.service("in-its-place")


@pytest.mark.req("AV-14")
def test_a_type_taken_out_of_use_leaves_bookings_as_they_were(provider: Provider) -> None:
    practice = provider.practice
    booked = provider.book()
    (kind,) = list_types(practice)
    delete_type(practice, kind)
    assert list_types(practice) == []
    with pytest.raises(NotFound) as raised:
        provider.search()
    assert raised.value.reason == "SERVICE_TYPE_NOT_FOUND"
    for gone in (kind.service_type_id, "", "x", "\x00"):
        kind.service_type_id = gone
        with pytest.raises(NotFound):
            delete_type(practice, kind)
        with pytest.raises(NotFound):
            update_type(practice, kind, title="Gone")
    assert [(line.title, line.price) for line in booked.service_lines] == [
        ("Therapy session", usd(15000))
    ]


@pytest.mark.req("BK-4")
def test_one_service_type_comes_of_a_request_sent_twice(practice: Practice) -> None:
    request = CreateServiceTypeRequest(
        request_id=str(ids.new()), service_type=service_type("therapy")
    )
    with acting_as(practice.owner):
        made = [practice.rpc.CreateServiceType(request) for _ in range(2)]
        assert made[0] == made[1]
        request.service_type.title = "Another"
        with pytest.raises(Conflict) as raised:
            practice.rpc.CreateServiceType(request)
        assert raised.value.reason == "REQUEST_ID_REUSED"
        request.request_id = "\x00"
        with pytest.raises(Invalid):
            practice.rpc.CreateServiceType(request)
    assert len(list_types(practice)) == 1


# Policies


def get_policies(practice: Practice, username: str = "") -> GetPoliciesResponse:
    with acting_as(practice.owner):
        return practice.rpc.GetPolicies(GetPoliciesRequest(username=username))


def replace_policies(
    practice: Practice, version: int, username: str = "", **policies: Any
) -> ReplacePoliciesResponse:
    with acting_as(practice.owner):
        return practice.rpc.ReplacePolicies(
            ReplacePoliciesRequest(
                username=username, policies=av.Policies(**policies), version=version
            )
        )


@pytest.mark.req("AV-15", "AV-16")
def test_policies_are_replaced_for_the_practice_and_for_a_provider(practice: Practice) -> None:
    provider = practice.provider()
    assert get_policies(practice) == GetPoliciesResponse(
        policies=DEFAULTS, effective_policies=DEFAULTS, version=1
    )
    practices = av.Policies()
    practices.CopyFrom(DEFAULTS)
    practices.confirmation, practices.minimum_notice_minutes = av.CONFIRMATION_APPROVAL, 60
    saved = replace_policies(
        practice, 1, confirmation=av.CONFIRMATION_APPROVAL, minimum_notice_minutes=60
    )
    assert saved == ReplacePoliciesResponse(
        policies=practices, effective_policies=practices, version=2
    )
    replace_policies(practice, 1, provider.username, minimum_notice_minutes=0, hold_minutes=1)
    effective = av.Policies()
    effective.CopyFrom(practices)
    effective.minimum_notice_minutes, effective.hold_minutes = 0, 1
    assert get_policies(practice, provider.username) == GetPoliciesResponse(
        policies=av.Policies(minimum_notice_minutes=0, hold_minutes=1),
        effective_policies=effective,
        version=2,
    )
    replace_policies(practice, 2, provider.username)  # what is not named falls back
    assert get_policies(practice, provider.username).effective_policies == practices


@pytest.mark.req("AV-4", "AV-15")
def test_of_policies_saved_at_once_one_is_kept(practice: Practice) -> None:
    provider = practice.provider()
    for username in ("", provider.username):
        results = at_once(
            [
                partial(replace_policies, practice, 1, username, hold_minutes=number)
                for number in range(1, 7)
            ]
        )
        assert sum(isinstance(r, ReplacePoliciesResponse) for r in results) == 1
        assert sum(isinstance(r, Stale) for r in results) == 5


@pytest.mark.req("AV-15")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("minimum_notice_minutes", -1),
        ("minimum_notice_minutes", 365 * 24 * 60 + 1),
        ("maximum_advance_days", -1),
        ("maximum_advance_days", 2**31 - 1),
        ("late_cancellation_minutes", -(2**31)),
        ("hold_minutes", 0),
        ("hold_minutes", 61),
        ("confirmation", 0),
        ("confirmation", 99),
        ("client_cancellation", 99),
    ],
)
def test_policies_are_checked(practice: Practice, name: str, wrong: int) -> None:
    with pytest.raises(Invalid) as raised:
        replace_policies(practice, 1, "", **{name: wrong})
    assert raised.value.field == f"policies.{name}"
    assert get_policies(practice).version == 1


# Events


@pytest.mark.req("AV-2", "PF-2")
def test_every_change_is_told_once_in_its_order(world: World, practice: Practice) -> None:
    heard: list[tuple[str, str, int]] = []

    def receive(subject: str, payload: bytes, _: int) -> None:
        if subject == PracticeChanged.DESCRIPTOR.full_name:
            change = PracticeChanged.FromString(payload)
            heard.append((change.practice_id, "", change.version))
        else:
            own = ProviderChanged.FromString(payload)
            heard.append((own.practice_id, own.provider_id, own.version))

    subjects = [kind.DESCRIPTOR.full_name for kind in (PracticeChanged, ProviderChanged)]
    following = world.bus.follow(subjects, 0, receive)
    kind = practice.service()
    provider = practice.provider()
    override = provider.set_date("2026-11-02").override
    practice.set_policies()
    update_type(practice, kind, title="Other")
    with acting_as(practice.owner):
        practice.rpc.DeleteOverride(
            DeleteOverrideRequest(username=provider.username, override_id=override.override_id)
        )
    delete_type(practice, kind)
    replace_policies(practice, 1, provider.username)
    about = [
        *("", provider.id, provider.id),
        *("", "", provider.id),
        *("", provider.id),
    ]
    expected = [(practice.id, who, version) for version, who in enumerate(about, start=2)]
    until(lambda: [h for h in heard if h[0] == practice.id] == expected)
    following.end()


# Permissions


def changing_calls(provider: Provider) -> dict[str, Message]:
    """One request, well-formed, for each RPC that changes a practice's set-up."""
    name = provider.username
    return {
        "CreateProvider": new_provider(),
        "CreatePhysicalRoom": CreatePhysicalRoomRequest(physical_room=av.PhysicalRoom(name="Room")),
        "CreateServiceType": CreateServiceTypeRequest(service_type=service_type("new")),
        "UpdateServiceType": UpdateServiceTypeRequest(
            service_type=av.ServiceType(service_type_id=str(ids.new())), update_fields=["title"]
        ),
        "DeleteServiceType": DeleteServiceTypeRequest(service_type_id=str(ids.new())),
        "ReplacePolicies": ReplacePoliciesRequest(version=99),
        "ReplaceWeeklyHours": ReplaceWeeklyHoursRequest(
            username=name, hours=av.WeeklyHours(version=99)
        ),
        "CreateOverride": CreateOverrideRequest(
            username=name, override=av.Override(date="2026-11-02")
        ),
        "DeleteOverride": DeleteOverrideRequest(username=name, override_id=str(ids.new())),
    }


def reading_calls(provider: Provider) -> dict[str, Message]:
    """One request for each RPC that shows a practice's set-up."""
    name = provider.username
    return {
        "GetProvider": GetProviderRequest(provider_id=provider.id),
        "ListProviders": ListProvidersRequest(),
        "GetWeeklyHours": GetWeeklyHoursRequest(username=name),
        "ListOverrides": ListOverridesRequest(username=name),
        "ListPhysicalRooms": ListPhysicalRoomsRequest(),
        "ListServiceTypes": ListServiceTypesRequest(),
        "GetPolicies": GetPoliciesRequest(username=name),
    }


def outcome(world: World, method: str, request: Message, who: Identity) -> str:
    """OK, or the reason."""
    with acting_as(who):
        try:
            getattr(world.rpc, method)(request)
        except DomainError as error:
            return error.reason
    return "OK"


@pytest.mark.req("GW-13")
def test_visitors_and_clients_see_and_change_no_set_up(world: World, provider: Provider) -> None:
    calls = {**changing_calls(provider), **reading_calls(provider)}
    calls["CreatePractice"] = CreatePracticeRequest(practice=new_practice())
    practice_id = provider.practice.id
    for method, request in calls.items():
        assert outcome(world, method, request, VISITOR) == "UNAUTHENTICATED", method
        for who in (
            client(practice_id, ids.new()),
            client(practice_id, ids.new(), booking_id=ids.new()),
        ):
            assert outcome(world, method, request, who) == "NOT_ALLOWED", method


@pytest.mark.req("GW-13", "CL-3")
def test_clinicians_change_their_own_hours_and_nothing_else(
    world: World, provider: Provider
) -> None:
    colleague = staff(provider.practice.id, "clinician", provider_id=ids.new())
    without = staff(provider.practice.id, "clinician")
    supervisor = staff(provider.practice.id, "supervisor", provider_id=provider.id)
    for method, request in changing_calls(provider).items():
        for who in (colleague, without, supervisor):
            assert outcome(world, method, request, who) == "NOT_ALLOWED", method
    assert {
        method: outcome(world, method, request, provider.clinician)
        for method, request in changing_calls(provider).items()
    } == {
        "CreateProvider": "NOT_ALLOWED",
        "CreatePhysicalRoom": "NOT_ALLOWED",
        "CreateServiceType": "NOT_ALLOWED",
        "UpdateServiceType": "NOT_ALLOWED",
        "DeleteServiceType": "NOT_ALLOWED",
        "ReplacePolicies": "NOT_ALLOWED",
        "ReplaceWeeklyHours": "STALE",
        "CreateOverride": "OK",
        "DeleteOverride": "OVERRIDE_NOT_FOUND",
    }
    own = ReplacePoliciesRequest(username=provider.username, version=1)
    assert outcome(world, "ReplacePolicies", own, colleague) == "NOT_ALLOWED"
    assert outcome(world, "ReplacePolicies", own, provider.clinician) == "OK"


@pytest.mark.req("GW-13")
def test_managers_and_operators_may_what_owners_may(world: World, provider: Provider) -> None:
    expected = {
        "CreateProvider": "OK",
        "CreatePhysicalRoom": "OK",
        "CreateServiceType": "OK",
        "UpdateServiceType": "SERVICE_TYPE_NOT_FOUND",
        "DeleteServiceType": "SERVICE_TYPE_NOT_FOUND",
        "ReplacePolicies": "STALE",
        "ReplaceWeeklyHours": "STALE",
        "CreateOverride": "OK",
        "DeleteOverride": "OVERRIDE_NOT_FOUND",
    }
    for number, who in enumerate(
        (
            provider.practice.owner,
            staff(provider.practice.id, "manager"),
            service("operator", provider.practice.id),
        )
    ):
        calls = changing_calls(provider)
        calls["CreateServiceType"] = CreateServiceTypeRequest(
            service_type=service_type(f"new-{number}")
        )
        results = {method: outcome(world, method, r, who) for method, r in calls.items()}
        assert results == expected
    for method, request in reading_calls(provider).items():
        for who in (staff(provider.practice.id, "supervisor"), provider.clinician):
            assert outcome(world, method, request, who) == "OK", method


@pytest.mark.req("GW-13")
def test_services_other_than_the_operators_change_nothing(world: World, provider: Provider) -> None:
    notifications = service("notifications", provider.practice.id)
    for method, request in changing_calls(provider).items():
        assert outcome(world, method, request, notifications) == "NOT_ALLOWED", method
    for who in (provider.practice.owner, notifications):
        request = CreatePracticeRequest(practice=new_practice())
        assert outcome(world, "CreatePractice", request, who) == "NOT_ALLOWED"


@pytest.mark.req("GW-13")
def test_a_thing_of_another_practice_does_not_exist(world: World, provider: Provider) -> None:
    stranger = Practice(world).owner
    (kind,) = list_types(provider.practice)
    override = provider.set_date("2026-11-02").override
    name = provider.username
    for method, request in (
        ("GetProvider", GetProviderRequest(provider_id=provider.id)),
        ("GetWeeklyHours", GetWeeklyHoursRequest(username=name)),
        ("ListOverrides", ListOverridesRequest(username=name)),
        ("GetPolicies", GetPoliciesRequest(username=name)),
        ("ReplaceWeeklyHours", ReplaceWeeklyHoursRequest(username=name)),
        ("ReplacePolicies", ReplacePoliciesRequest(username=name, version=1)),
        (
            "CreateOverride",
            CreateOverrideRequest(username=name, override=av.Override(date="2026-11-03")),
        ),
        (
            "DeleteOverride",
            DeleteOverrideRequest(username=name, override_id=override.override_id),
        ),
    ):
        assert outcome(world, method, request, stranger) == "PROVIDER_NOT_FOUND", method
    gone = DeleteServiceTypeRequest(service_type_id=kind.service_type_id)
    assert outcome(world, "DeleteServiceType", gone, stranger) == "SERVICE_TYPE_NOT_FOUND"
    changed = UpdateServiceTypeRequest(service_type=kind, update_fields=["title"])
    assert outcome(world, "UpdateServiceType", changed, stranger) == "SERVICE_TYPE_NOT_FOUND"
    assert list_types(provider.practice) == [kind]
    assert provider.hours() == []  # the override stands


@pytest.mark.req("GW-13")
def test_whoever_acts_for_no_practice_or_an_unknown_one_is_told_so(
    world: World, provider: Provider
) -> None:
    calls = {**changing_calls(provider), **reading_calls(provider)}
    for method, request in calls.items():
        assert outcome(world, method, request, OPERATOR) in ({"NOT_ALLOWED", "PRACTICE_NEEDED"}), (
            method
        )
        garbled = outcome(world, method, request, service("operator", "\x00?"))
        assert garbled == "UNAUTHENTICATED", method
    unknown = service("operator", ids.new())
    for method in ("CreateProvider", "CreateServiceType", "ReplaceWeeklyHours", "ListProviders"):
        assert outcome(world, method, calls[method], unknown) == "PRACTICE_NOT_FOUND", method


def test_a_failure_is_of_its_kind(world: World, provider: Provider) -> None:
    request = GetWeeklyHoursRequest(username=provider.username)
    for who, kind in (
        (VISITOR, Unauthenticated),
        (client(provider.practice.id, ids.new()), NotAllowed),
        (OPERATOR, Invalid),
        (Practice(world).owner, NotFound),
    ):
        with acting_as(who), pytest.raises(kind):
            world.rpc.GetWeeklyHours(request)


# Whatever arrives

START = minute(MONDAY)
_TEXTS = (
    *("", "\x00", "a\x00b", "x" * 5000, "\u202e\U0001f600", "24:00", "2026-11-02", "7.3"),
    *("therapy", "title", "America/New_York", "USD", "'; DROP TABLE practices; --", "\n", "%s"),
)
_NUMBERS = (0, 1, -1, 5, 60, 99, 2**31 - 1, -(2**31))
_LARGE = (*_NUMBERS, 2**63 - 1, -(2**63))
_FILES = (
    hours_service_pb2,
    physical_room_service_pb2,
    policy_service_pb2,
    practice_service_pb2,
    provider_service_pb2,
    service_type_service_pb2,
    slot_service_pb2,
)
_METHODS = [
    (method.name, GetMessageClass(method.input_type))
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def scribble(kind: type[Message], dice: random.Random, texts: tuple[str, ...]) -> Message:
    """A message with anything at all in it."""
    message = kind()
    # The types lag behind: `is_repeated` is new.
    fields: list[Any] = [field for field in kind.DESCRIPTOR.fields if dice.random() < 0.75]
    for field in fields:
        if field.is_repeated:
            values = [_anything(field, dice, texts) for _ in range(dice.randrange(3))]
            getattr(message, field.name).extend(values)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(_anything(field, dice, texts))
        else:
            setattr(message, field.name, _anything(field, dice, texts))
    return message


def _anything(field: Any, dice: random.Random, texts: tuple[str, ...]) -> Any:
    if field.message_type:
        return scribble(GetMessageClass(field.message_type), dice, texts)
    if field.type == field.TYPE_STRING:
        return dice.choice(texts)
    if field.type == field.TYPE_BOOL:
        return dice.random() < 0.5
    if field.type == field.TYPE_FIXED32:
        return dice.choice((0, 1, START, START + 1440, 2**32 - 1))
    return dice.choice(_LARGE if field.type == field.TYPE_INT64 else _NUMBERS)


@pytest.mark.req("SL-10")
@pytest.mark.parametrize(("method", "kind"), _METHODS, ids=[name for name, _ in _METHODS])
def test_whatever_arrives_is_answered_precisely(
    world: World, practice: Practice, method: str, kind: type[Message]
) -> None:
    practice.service()
    provider = practice.provider()
    dice = random.Random(method)  # noqa: S311
    known = (provider.username, provider.id, practice.room(), "9:00", "09:00", "10:30")
    who = {"CreatePractice": OPERATOR, "CheckSlot": Identity("service:booking")}
    for _ in range(40):
        request = scribble(kind, dice, _TEXTS + known * 2)
        reason = outcome(world, method, request, who.get(method, practice.owner))
        assert reason not in {"INTERNAL", "DEADLINE_EXCEEDED", "UNAVAILABLE"}, request


def test_all_modes_is_how_blocks_are_stored_by_default(world: World, practice: Practice) -> None:
    provider = practice.provider(block(0, "09:00", "10:00", modes=ALL_MODES))
    with acting_as(practice.owner):
        found = practice.rpc.GetWeeklyHours(GetWeeklyHoursRequest(username=provider.username))
    assert list(found.hours.blocks) == [block(0, "09:00", "10:00", online=True)]
    with world.database.transaction(EVERY_PRACTICE) as session:
        (stored,) = session.scalars(
            select(rows.Provider.blocks).where(rows.Provider.username == provider.username)
        )
    assert stored == [
        {
            "day": 0,
            "start": 540,
            "end": 600,
            "online": True,
            "modes": ["in_person", "phone", "telehealth"],
            "room": None,
        }
    ]
