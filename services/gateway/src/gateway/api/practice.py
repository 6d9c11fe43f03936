"""What the practice decides: policies and physical rooms."""

from attune.availability.v1 import availability_pb2 as messages
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
from gateway import names
from gateway.api.operation import Access, Operations, request_id
from gateway.backends import backends
from gateway.schemas import setup as schemas

practice = Operations("practice", "What the practice decides: policies, physical rooms.")

_PLAIN = (
    "minimum_notice_minutes",
    "maximum_advance_days",
    "clients_may_schedule",
    "new_clients_may_schedule",
    "active_clients_may_schedule",
    "inactive_clients_may_schedule",
    "late_cancellation_minutes",
    "hold_minutes",
)


@practice.operation("GET", "/policies", schemas.AllPolicies, access=Access.STAFF, cached=True)
def get_policies() -> schemas.AllPolicies:
    """The practice's policies"""
    return _found("")


@practice.operation(
    "PUT",
    "/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    body=schemas.PoliciesChange,
    errors=(409, 422),
)
def replace_policies(body: schemas.PoliciesChange) -> schemas.AllPolicies:
    """Replace the practice's policies

    Based on a version; an older one is refused. What is left out takes the product's default.
    """
    return _replaced("", body)


@practice.operation(
    "GET",
    "/providers/<username>/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    cached=True,
    errors=(404,),
)
def get_provider_policies(username: str) -> schemas.AllPolicies:
    """A provider's own policies

    `effective` is the practice's with these laid over them.
    """
    return _found(username)


@practice.operation(
    "PUT",
    "/providers/<username>/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    body=schemas.PoliciesChange,
    errors=(404, 409, 422),
)
def replace_provider_policies(username: str, body: schemas.PoliciesChange) -> schemas.AllPolicies:
    """Replace a provider's own policies

    Based on a version; an older one is refused. What is left out falls back to the practice's.
    """
    return _replaced(username, body)


@practice.operation(
    "GET", "/physical-rooms", schemas.PhysicalRooms, access=Access.STAFF, cached=True
)
def list_physical_rooms() -> schemas.PhysicalRooms:
    """The practice's physical rooms"""
    found = backends().physical_rooms.ListPhysicalRooms(ListPhysicalRoomsRequest())
    return schemas.PhysicalRooms(physical_rooms=[_room(room) for room in found.physical_rooms])


@practice.operation(
    "POST",
    "/physical-rooms",
    schemas.PhysicalRoom,
    status=201,
    access=Access.STAFF,
    body=schemas.NewPhysicalRoom,
    errors=(409, 422),
    idempotent=True,
)
def create_physical_room(body: schemas.NewPhysicalRoom) -> schemas.PhysicalRoom:
    """Add a room which one session at a time can use"""
    made = backends().physical_rooms.CreatePhysicalRoom(
        CreatePhysicalRoomRequest(
            request_id=request_id(),
            physical_room=messages.PhysicalRoom(name=body.name, address=body.address),
        )
    )
    return _room(made.physical_room)


def _found(username: str) -> schemas.AllPolicies:
    return _answer(backends().policies.GetPolicies(GetPoliciesRequest(username=username)))


def _replaced(username: str, body: schemas.PoliciesChange) -> schemas.AllPolicies:
    new = body.policies
    policies = messages.Policies(
        **{name: getattr(new, name) for name in _PLAIN},
        confirmation=names.CONFIRMATIONS.number(new.confirmation) or None,
        client_cancellation=names.CLIENT_CANCELLATIONS.number(new.client_cancellation) or None,
    )
    return _answer(
        backends().policies.ReplacePolicies(
            ReplacePoliciesRequest(username=username, policies=policies, version=body.version)
        )
    )


def _answer(
    found: GetPoliciesResponse | ReplacePoliciesResponse,
) -> schemas.AllPolicies:
    return schemas.AllPolicies(
        version=found.version,
        policies=_policies(found.policies),
        effective=_policies(found.effective_policies),
    )


def _policies(found: messages.Policies) -> schemas.Policies:
    return schemas.Policies(
        **{name: getattr(found, name) for name in _PLAIN if found.HasField(name)},  # type: ignore[arg-type]  # its own fields
        confirmation=names.CONFIRMATIONS.word(found.confirmation),
        client_cancellation=names.CLIENT_CANCELLATIONS.word(found.client_cancellation),
    )


def _room(room: messages.PhysicalRoom) -> schemas.PhysicalRoom:
    return schemas.PhysicalRoom(id=room.room_id, name=room.name, address=room.address)
