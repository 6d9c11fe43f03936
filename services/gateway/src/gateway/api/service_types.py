"""What can be booked."""

from typing import Any
from uuid import UUID

from flask import Response

from attune.availability.v1 import availability_pb2 as messages
from attune.availability.v1 import service_type_service_pb2 as rpc
from gateway import money, names
from gateway.api.operation import PREFIX, Access, Operations, encoded, json_response, request_id
from gateway.backends import backends
from gateway.schemas import setup as schemas

service_types = Operations("service_types", "What can be booked.")


@service_types.operation(
    "GET", "/service-types", schemas.ServiceTypes, access=Access.STAFF, cached=True
)
def list_service_types() -> schemas.ServiceTypes:
    """The practice's service types, by slug"""
    found = backends().service_types.ListServiceTypes(rpc.ListServiceTypesRequest())
    return schemas.ServiceTypes(service_types=[_answer(one) for one in found.service_types])


@service_types.operation(
    "POST",
    "/service-types",
    schemas.ServiceType,
    status=201,
    access=Access.STAFF,
    body=schemas.NewServiceType,
    errors=(409, 422),
    idempotent=True,
)
def create_service_type(body: schemas.NewServiceType) -> Response:
    """Add something that can be booked"""
    fields = {name: _to_message(name, value) for name, value in body if value is not None}
    made = backends().service_types.CreateServiceType(
        rpc.CreateServiceTypeRequest(
            request_id=request_id(), service_type=messages.ServiceType(**fields)
        )
    )
    response = json_response(encoded(_answer(made.service_type)), 201)
    path = f"{PREFIX}/service-types/{made.service_type.service_type_id}"
    response.headers["Location"] = path
    return response


@service_types.operation(
    "PATCH",
    "/service-types/<uuid:service_type_id>",
    schemas.ServiceType,
    access=Access.STAFF,
    body=schemas.ServiceTypeChange,
    errors=(404, 409, 422),
)
def change_service_type(
    service_type_id: UUID, body: schemas.ServiceTypeChange
) -> schemas.ServiceType:
    """Change fields of a service type

    Based on a version; an older one is refused. Existing bookings keep their terms. A price or fee
    is taken away by `null`.
    """
    values = {name: getattr(body, name) for name in body.changed}
    fields = {name: _to_message(name, v) for name, v in values.items() if v is not None}
    changed = backends().service_types.UpdateServiceType(
        rpc.UpdateServiceTypeRequest(
            service_type=messages.ServiceType(
                service_type_id=str(service_type_id), version=body.version, **fields
            ),
            update_fields=body.changed,
        )
    )
    return _answer(changed.service_type)


@service_types.operation(
    "DELETE",
    "/service-types/<uuid:service_type_id>",
    None,
    status=204,
    access=Access.STAFF,
    errors=(404, 409, 422),
)
def delete_service_type(service_type_id: UUID) -> None:
    """Take a service type out of use

    Existing bookings keep their terms.
    """
    request = rpc.DeleteServiceTypeRequest(service_type_id=str(service_type_id))
    backends().service_types.DeleteServiceType(request)


def _to_message(name: str, value: Any) -> Any:
    """A field's value as messages carry it."""
    if name == "modes":
        return [names.MODES.number(mode) for mode in value]
    if name == "price":
        return money.to_message(value)
    return money.fee_to_message(value) if name.endswith("_fee") else value


def _answer(found: messages.ServiceType) -> schemas.ServiceType:
    return schemas.ServiceType(
        id=found.service_type_id,
        slug=found.slug,
        title=found.title,
        description=found.description,
        duration_minutes=found.duration_minutes,
        modes=[names.MODES.word(mode) for mode in found.modes],
        step_minutes=found.step_minutes,
        buffer_before_minutes=found.buffer_before_minutes,
        buffer_after_minutes=found.buffer_after_minutes,
        code=found.code,
        active=found.active,
        online=found.online,
        telehealth_enabled=found.telehealth_enabled,
        price=money.amount(found, "price"),
        no_show_fee=money.fee(found, "no_show_fee"),
        late_cancellation_fee=money.fee(found, "late_cancellation_fee"),
        version=found.version,
    )
