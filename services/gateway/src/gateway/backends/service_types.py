"""Service types of the practice, in availability."""

from collections.abc import Sequence

from attune.availability.v1 import service_type_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import ServiceType
from gateway.backends.stubs import stubs


def by_slug() -> Sequence[ServiceType]:
    """Return the practice's service types in the order of their slugs."""
    return stubs().service_types.ListServiceTypes(rpc.ListServiceTypesRequest()).service_types


def create(service_type: ServiceType, *, request_id: str) -> ServiceType:
    """Add a service type and return it as saved."""
    request = rpc.CreateServiceTypeRequest(request_id=request_id, service_type=service_type)
    return stubs().service_types.CreateServiceType(request).service_type


def change(service_type: ServiceType, fields: Sequence[str]) -> ServiceType:
    """Change the named fields of the service type with this id and version.

    Raises NotFound, or Stale if it has another version by now.
    """
    request = rpc.UpdateServiceTypeRequest(service_type=service_type, update_fields=fields)
    return stubs().service_types.UpdateServiceType(request).service_type


def delete(service_type_id: str) -> None:
    """Take a service type out of use; existing bookings keep their terms."""
    request = rpc.DeleteServiceTypeRequest(service_type_id=service_type_id)
    stubs().service_types.DeleteServiceType(request)
