"""Requests and calls that several tests of the servicers use."""

from typing import Any

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesRequest,
    GetPoliciesResponse,
    ReplacePoliciesRequest,
    ReplacePoliciesResponse,
)
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.service_type_service_pb2 import (
    DeleteServiceTypeRequest,
    ListServiceTypesRequest,
    UpdateServiceTypeRequest,
)
from attune.common.v1.types_pb2 import Money
from common import ids
from common.rpc.identity import acting_as
from services.availability.tests.availability_world import Practice


def usd(amount: int) -> Money:
    """Return minor units of US dollars."""
    return Money(minor_units=amount, currency_code="USD")


DEFAULTS = av.Policies(  # the product's own
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


def new_practice(**more: Any) -> av.Practice:
    """Return a practice that may be created."""
    usual = {
        "name": "Elm Street",
        "timezone": "America/New_York",
        "currency_code": "USD",
        "country": "US",
    }
    return av.Practice(**{**usual, **more})


def new_provider(**more: Any) -> CreateProviderRequest:
    """Return a request for a provider whose username no other test uses."""
    usual = {
        "username": f"p-{ids.new().hex[:12]}",
        "display_name": "Ada",
        "timezone": "Europe/Berlin",
    }
    request_id = more.pop("request_id", "")
    return CreateProviderRequest(request_id=request_id, provider=av.Provider(**{**usual, **more}))


def list_types(practice: Practice) -> list[av.ServiceType]:
    """Return the practice's service types, as its owner sees them."""
    with acting_as(practice.owner):
        return list(practice.rpc.ListServiceTypes(ListServiceTypesRequest()).service_types)


def update_type(
    practice: Practice, kind: av.ServiceType, *fields: str, version: int = 0, **values: Any
) -> av.ServiceType:
    """Change `fields` of a service type, or those given, as the practice's owner."""
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
    """Delete a service type as the practice's owner."""
    with acting_as(practice.owner):
        practice.rpc.DeleteServiceType(
            DeleteServiceTypeRequest(service_type_id=kind.service_type_id)
        )


def get_policies(practice: Practice, username: str = "") -> GetPoliciesResponse:
    """Return policies, as the practice's owner sees them."""
    with acting_as(practice.owner):
        return practice.rpc.GetPolicies(GetPoliciesRequest(username=username))


def replace_policies(
    practice: Practice, version: int, username: str = "", **policies: Any
) -> ReplacePoliciesResponse:
    """Replace policies as the practice's owner."""
    with acting_as(practice.owner):
        return practice.rpc.ReplacePolicies(
            ReplacePoliciesRequest(
                username=username, policies=av.Policies(**policies), version=version
            )
        )
