"""Creating and reading practices and providers."""

from typing import Any

import pytest
from sqlalchemy import select

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.practice_service_pb2 import (
    CreatePracticeRequest,
    GetPracticeRequest,
    UpdatePracticeRequest,
)
from attune.availability.v1.provider_service_pb2 import (
    GetProfileRequest,
    GetProviderRequest,
    ListProvidersRequest,
)
from attune_testing.concurrency import at_once
from attune_testing.identities import service, staff
from availability.store import tables as rows
from common import ids
from common.errors import (
    Conflict,
    Invalid,
)
from common.rpc.identity import VISITOR, acting_as
from services.availability.tests.availability_world import OPERATOR, Practice, World
from services.availability.tests.servicer.calls import (
    DEFAULTS,
    new_practice,
    new_provider,
)


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
        country="US",
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
        ({"country": "USA"}, "UNKNOWN_COUNTRY", "practice.country"),
        ({"country": "us"}, "UNKNOWN_COUNTRY", "practice.country"),
        ({"country": "001"}, "UNKNOWN_COUNTRY", "practice.country"),
        ({"phone": "555-0100"}, "PHONE_TOO_SHORT", "practice.phone"),
        ({"phone": "+1 111 555 0100"}, "PHONE_NOT_DIALABLE", "practice.phone"),
        ({"email": "desk"}, "INVALID_EMAIL", "practice.email"),
        ({"email": "bürö@clinic.example"}, "UNDELIVERABLE_EMAIL", "practice.email"),
        ({"website": "javascript:alert(1)"}, "INVALID_WEBSITE", "practice.website"),
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


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("America/New_York", "US"),
        ("Europe/Berlin", "DE"),
        ("Asia/Kathmandu", "NP"),
        ("America/Sao_Paulo", "BR"),
        ("Australia/Lord_Howe", "AU"),
        ("UTC", ""),
    ],
)
def test_a_practice_without_a_country_has_that_of_its_zone(
    world: World, zone: str, country: str
) -> None:
    with acting_as(OPERATOR):
        wanted = new_practice(timezone=zone, country="")
        made = world.rpc.CreatePractice(CreatePracticeRequest(practice=wanted)).practice
    assert made.country == country


def test_owners_change_how_people_reach_the_practice(practice: Practice) -> None:
    request = UpdatePracticeRequest(
        request_id=str(ids.new()),
        phone="(212) 555-0100 ext. 5",
        email="desk@clinic.example",
        website="clinic.example",
    )
    with acting_as(practice.owner):
        changed = practice.rpc.UpdatePractice(request).practice
        again = practice.rpc.UpdatePractice(request).practice
        assert practice.rpc.GetPractice(GetPracticeRequest()).practice == changed == again
        assert (changed.phone, changed.email) == ("+12125550100;ext=5", "desk@clinic.example")
        assert (changed.website, changed.name) == ("https://clinic.example", "Elm Street")
        german = UpdatePracticeRequest(country="DE", phone="030 901820")
        assert practice.rpc.UpdatePractice(german).practice.phone == "+4930901820"
        cleared = practice.rpc.UpdatePractice(UpdatePracticeRequest(phone="")).practice
    assert (cleared.phone, cleared.email) == ("", "desk@clinic.example")
    username = practice.provider().username
    with acting_as(VISITOR):
        wanted = GetProfileRequest(username=username)
        shown = practice.rpc.GetProfile(wanted).practice
    assert (shown.country, shown.email, shown.phone) == ("DE", "desk@clinic.example", "")


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"name": " "}, "REQUIRED", "name"),
        ({"country": "XX"}, "UNKNOWN_COUNTRY", "country"),
        ({"phone": "12"}, "PHONE_TOO_SHORT", "phone"),
        ({"email": "desk"}, "INVALID_EMAIL", "email"),
        ({"website": "ftp://a.example"}, "INVALID_WEBSITE", "website"),
        ({"address": "a\x00b"}, "INVALID_TEXT", "address"),
    ],
)
def test_a_change_of_the_practice_is_checked_and_changes_nothing(
    practice: Practice, wrong: dict[str, str], reason: str, field: str
) -> None:
    with acting_as(practice.owner):
        before = practice.rpc.GetPractice(GetPracticeRequest()).practice
        good = {"name": "Oak Street", "email": "new@clinic.example"}
        with pytest.raises(Invalid) as raised:
            practice.rpc.UpdatePractice(UpdatePracticeRequest(**(good | wrong)))
        assert practice.rpc.GetPractice(GetPracticeRequest()).practice == before
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
        ({"email": "a@b.example\x00"}, "INVALID_EMAIL", "provider.email"),
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
    # The same key of another caller is another key.
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
