"""Changes that arrive twice, as when gRPC retries after a connection broke before the response."""

from collections.abc import Callable
from typing import Any

import pytest

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.hours_service_pb2 import (
    DeleteOverrideRequest,
    ReplaceWeeklyHoursRequest,
)
from attune.availability.v1.policy_service_pb2 import ReplacePoliciesRequest
from attune.availability.v1.service_type_service_pb2 import (
    DeleteServiceTypeRequest,
    UpdateServiceTypeRequest,
)
from common import ids
from common.errors import Conflict, Stale
from common.rpc.identity import acting_as
from services.availability.tests.availability_world import Provider, every_day
from services.availability.tests.servicer.calls import DEFAULTS, get_policies, list_types

Change = Callable[[Provider], tuple[Any, Any]]


def week(provider: Provider) -> tuple[Any, Any]:
    hours = av.WeeklyHours(blocks=every_day("10:00", "11:00"), version=2)
    request = ReplaceWeeklyHoursRequest(username=provider.username, hours=hours)
    return provider.practice.rpc.ReplaceWeeklyHours, request


def override(provider: Provider) -> tuple[Any, Any]:
    made = provider.set_date("2026-11-02").override.override_id
    request = DeleteOverrideRequest(username=provider.username, override_id=made)
    return provider.practice.rpc.DeleteOverride, request


def own_policies(provider: Provider) -> tuple[Any, Any]:
    version = get_policies(provider.practice, provider.username).version
    request = ReplacePoliciesRequest(username=provider.username, policies=DEFAULTS, version=version)
    return provider.practice.rpc.ReplacePolicies, request


def practice_policies(provider: Provider) -> tuple[Any, Any]:
    version = get_policies(provider.practice).version
    request = ReplacePoliciesRequest(policies=DEFAULTS, version=version)
    return provider.practice.rpc.ReplacePolicies, request


def new_title(provider: Provider) -> tuple[Any, Any]:
    (kind,) = list_types(provider.practice)
    changed = av.ServiceType(
        service_type_id=kind.service_type_id, version=kind.version, title="Another"
    )
    request = UpdateServiceTypeRequest(service_type=changed, update_fields=["title"])
    return provider.practice.rpc.UpdateServiceType, request


def no_type(provider: Provider) -> tuple[Any, Any]:
    (kind,) = list_types(provider.practice)
    request = DeleteServiceTypeRequest(service_type_id=kind.service_type_id)
    return provider.practice.rpc.DeleteServiceType, request


CHANGES = [week, override, own_policies, practice_policies, new_title, no_type]


@pytest.mark.req("AV-4", "PF-13")
@pytest.mark.parametrize("change", CHANGES)
def test_a_repeated_change_is_made_once_and_answered_alike(
    provider: Provider, change: Change
) -> None:
    call, request = change(provider)
    with acting_as(provider.practice.owner):
        request.request_id = str(ids.new())
        assert call(request) == call(request)


@pytest.mark.req("BK-4")
@pytest.mark.parametrize("change", [week, own_policies, practice_policies, new_title])
def test_a_request_id_stands_for_one_change(provider: Provider, change: Change) -> None:
    call, request = change(provider)
    request.request_id = str(ids.new())
    with acting_as(provider.practice.owner):
        call(request)
        if change is week:
            request.hours.version += 1
        elif change is new_title:
            request.service_type.version += 1
        else:
            request.version += 1
        with pytest.raises(Conflict) as raised:
            call(request)
        assert raised.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.req("AV-4")
@pytest.mark.parametrize("change", [week, own_policies, practice_policies, new_title])
def test_another_request_for_the_same_version_is_stale(provider: Provider, change: Change) -> None:
    call, request = change(provider)
    with acting_as(provider.practice.owner):
        call(request)
        with pytest.raises(Stale):
            call(request)
