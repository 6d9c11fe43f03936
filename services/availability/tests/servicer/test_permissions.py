"""The events, permissions and input checks of all RPCs about the set-up."""

import random
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
)
from attune.availability.v1.physical_room_service_pb2 import (
    CreatePhysicalRoomRequest,
    ListPhysicalRoomsRequest,
)
from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesRequest,
    ReplacePoliciesRequest,
)
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import (
    GetProviderRequest,
    ListProvidersRequest,
)
from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
    DeleteServiceTypeRequest,
    ListServiceTypesRequest,
    UpdateServiceTypeRequest,
)
from attune_testing.identities import client, service, staff
from attune_testing.waiting import until
from availability.store import tables as rows
from common import ids
from common.db.database import EVERY_PRACTICE
from common.errors import (
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from common.rpc.identity import VISITOR, Identity, acting_as
from services.availability.tests.availability_world import (
    ALL_MODES,
    MONDAY,
    OPERATOR,
    Practice,
    Provider,
    World,
    block,
    minute,
    service_type,
)
from services.availability.tests.servicer.calls import (
    delete_type,
    list_types,
    new_practice,
    new_provider,
    replace_policies,
    update_type,
)

# Events


@pytest.mark.req("AV-2", "PF-2")
def test_every_change_is_told_once_in_its_order(world: World, practice: Practice) -> None:
    received: list[tuple[str, str, int]] = []

    def receive(subject: str, payload: bytes, _: int) -> None:
        if subject == PracticeChanged.DESCRIPTOR.full_name:
            change = PracticeChanged.FromString(payload)
            received.append((change.practice_id, "", change.version))
        else:
            own = ProviderChanged.FromString(payload)
            received.append((own.practice_id, own.provider_id, own.version))

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
    until(lambda: [each for each in received if each[0] == practice.id] == expected)
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
    """Return OK, or the reason of the failure."""
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
def test_acting_for_no_practice_or_an_unknown_one_is_refused(
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
    """Draw a message with random content."""
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
    dice = random.Random(method)  # noqa: S311  # no secret
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
