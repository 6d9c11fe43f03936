"""Service types of the practice."""

from typing import Any
from uuid import UUID

from flask import Response

from attune.availability.v1 import availability_pb2 as pb
from attune.common.v1 import types_pb2 as types
from gateway import words
from gateway.api import money
from gateway.backends import service_types as backend
from gateway.openapi.operation import (
    PREFIX,
    Access,
    Operations,
    Tag,
    encode,
    json_response,
    request_id,
)
from gateway.schemas import service_types as schemas

service_types = Operations(
    "service_types", Tag("Service types", "The services that can be booked.")
)


@service_types.operation(
    "GET", "/service-types", schemas.ServiceTypes, access=Access.STAFF, cached=True
)
def list_service_types() -> schemas.ServiceTypes:
    """List service types

    Returns the practice's service types by slug.
    """
    return schemas.ServiceTypes(service_types=[_answer(one) for one in backend.by_slug()])


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
    """Create a service type

    Adds a service that clients or staff can book.
    """
    fields = {name: _to_message(name, value) for name, value in body if value is not None}
    made = backend.create(pb.ServiceType(**fields), request_id=request_id())
    response = json_response(encode(_answer(made)), 201)
    path = f"{PREFIX}/service-types/{made.service_type_id}"
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
    """Update a service type

    Changes only the fields that you send. `null` removes a price or a fee. If someone else changed
    the service type since `version`, the response is `409`. Existing bookings keep their terms.
    """
    values = {name: getattr(body, name) for name in body.changed}
    fields = {name: _to_message(name, v) for name, v in values.items() if v is not None}
    change = pb.ServiceType(service_type_id=str(service_type_id), version=body.version, **fields)
    return _answer(backend.change(change, body.changed))


@service_types.operation(
    "DELETE",
    "/service-types/<uuid:service_type_id>",
    None,
    status=204,
    access=Access.STAFF,
    errors=(404, 409, 422),
)
def delete_service_type(service_type_id: UUID) -> None:
    """Delete a service type

    It can no longer be booked. Existing bookings keep their terms.
    """
    backend.delete(str(service_type_id))


def _to_message(name: str, value: Any) -> Any:
    """Return a field's value as messages have it."""
    if name == "modes":
        return [words.value(types.Mode, mode) for mode in value]
    if name == "price":
        return money.to_message(value)
    return money.fee_to_message(value) if name.endswith("_fee") else value


def _answer(found: pb.ServiceType) -> schemas.ServiceType:
    return schemas.ServiceType(
        id=found.service_type_id,
        slug=found.slug,
        title=found.title,
        description=found.description,
        duration_minutes=found.duration_minutes,
        modes=[words.word(types.Mode, mode) for mode in found.modes],
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
