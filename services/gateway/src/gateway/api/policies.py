"""Policies of the practice and of its providers."""

from attune.availability.v1 import availability_pb2 as pb
from gateway import words
from gateway.api import tags
from gateway.backends import policies as backend
from gateway.backends.policies import PolicySet
from gateway.openapi.operation import Access, Operations
from gateway.schemas import policies as schemas

policies = Operations("policies", tags.PRACTICE)

_PLAIN_FIELDS = (
    "minimum_notice_minutes",
    "maximum_advance_days",
    "clients_may_schedule",
    "new_clients_may_schedule",
    "active_clients_may_schedule",
    "inactive_clients_may_schedule",
    "late_cancellation_minutes",
    "hold_minutes",
)


@policies.operation("GET", "/policies", schemas.AllPolicies, access=Access.STAFF, cached=True)
def get_policies() -> schemas.AllPolicies:
    """Get the practice's policies

    Send the `version` of the response when you replace the policies.
    """
    return _answer(backend.get())


@policies.operation(
    "PUT",
    "/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    body=schemas.PoliciesChange,
    errors=(409, 422),
)
def replace_policies(body: schemas.PoliciesChange) -> schemas.AllPolicies:
    """Replace the practice's policies

    Policies that you leave out go back to their defaults. If someone else changed the policies
    since `version`, the response is `409`.
    """
    return _answer(backend.replace(_to_message(body.policies), version=body.version))


@policies.operation(
    "GET",
    "/providers/<username>/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    cached=True,
    errors=(404,),
)
def get_provider_policies(username: str) -> schemas.AllPolicies:
    """Get a provider's policies

    `effective` combines the practice's policies with the provider's own.
    """
    return _answer(backend.get(username))


@policies.operation(
    "PUT",
    "/providers/<username>/policies",
    schemas.AllPolicies,
    access=Access.STAFF,
    body=schemas.PoliciesChange,
    errors=(404, 409, 422),
)
def replace_provider_policies(username: str, body: schemas.PoliciesChange) -> schemas.AllPolicies:
    """Replace a provider's policies

    Policies that you leave out fall back to the practice's. If someone else changed the policies
    since `version`, the response is `409`.
    """
    new = _to_message(body.policies)
    return _answer(backend.replace(new, version=body.version, username=username))


def _to_message(new: schemas.NewPolicies) -> pb.Policies:
    return pb.Policies(
        **{name: getattr(new, name) for name in _PLAIN_FIELDS},
        confirmation=words.value(pb.Confirmation, new.confirmation) or None,
        client_cancellation=words.value(pb.ClientCancellation, new.client_cancellation) or None,
    )


def _answer(found: PolicySet) -> schemas.AllPolicies:
    return schemas.AllPolicies(
        version=found.version, policies=_policies(found.own), effective=_policies(found.effective)
    )


def _policies(found: pb.Policies) -> schemas.Policies:
    return schemas.Policies(
        **{name: getattr(found, name) for name in _PLAIN_FIELDS if found.HasField(name)},  # type: ignore[arg-type]  # its own fields
        confirmation=words.word(pb.Confirmation, found.confirmation),
        client_cancellation=words.word(pb.ClientCancellation, found.client_cancellation),
    )
