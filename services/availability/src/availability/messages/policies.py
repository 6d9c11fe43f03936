"""Policies of practices and providers."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from attune.availability.v1 import availability_pb2 as pb
from availability.domain.policies import Policies, Settings, effective
from availability.store.tables import Practice, Provider


def parse_policies(message: pb.Policies) -> Settings:
    """Return the policies that a request sets, unchecked."""
    settings: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return settings


def policy_settings(settings: Settings) -> pb.Policies:
    """Return the policies that a practice or a provider has set itself."""
    return pb.Policies(**settings)  # type: ignore[arg-type]  # by name, as they were parsed


def effective_policies(complete: Policies) -> pb.Policies:
    """Return the policies that hold."""
    return pb.Policies(**vars(complete))


def policies_of(practice: Practice, provider: Provider | None) -> dict[str, Any]:
    """Return the fields of an answer about the policies of a practice, or of a provider.

    The practice's own policies are complete: the product's defaults fill them up.
    """
    holding = effective_policies(
        effective(practice.policies, provider.policies if provider else {})
    )
    return {
        "policies": policy_settings(provider.policies) if provider else holding,
        "effective_policies": holding,
        "version": (provider or practice).policies_version,
    }
