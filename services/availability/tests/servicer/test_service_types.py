"""Service types: creating, changing, deleting (spec AV-11, AV-14)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
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
from common import ids
from common.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Stale,
)
from common.rpc.identity import acting_as
from services.availability.tests.availability_world import Practice, Provider, World, service_type
from services.availability.tests.servicer.calls import (
    delete_type,
    list_types,
    update_type,
    usd,
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
def test_the_largest_values_are_accepted(practice: Practice) -> None:
    largest: dict[str, Any] = {
        "title": "x" * 200,
        "description": "x" * 4000,
        "code": "x" * 60,
        "duration_minutes": 480,
        "step_minutes": 480,
        "buffer_before_minutes": 240,
        "buffer_after_minutes": 240,
    }
    kind = practice.service("y" * 60, **largest)
    assert {name: getattr(kind, name) for name in largest} == largest


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
