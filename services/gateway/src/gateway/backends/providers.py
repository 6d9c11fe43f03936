"""Providers and their public profiles, in availability."""

from collections.abc import Sequence
from typing import NamedTuple

from attune.availability.v1 import provider_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import Practice, Provider, ServiceType
from common.rpc import identity
from common.rpc.identity import Identity
from common.services import GATEWAY
from gateway.backends.stubs import stubs


class Profile(NamedTuple):
    """The public profile of a provider, with the service types that clients can book."""

    provider: Provider
    practice: Practice
    service_types: Sequence[ServiceType]


def profile(username: str) -> Profile:
    """Return the profile that anybody may see. Raises NotFound."""
    found = stubs().providers.GetProfile(rpc.GetProfileRequest(username=username))
    return Profile(found.provider, found.practice, found.service_types)


def id_of(username: str | None) -> str:
    """Return the id of the provider with a username; empty for None. Raises NotFound."""
    return profile(username).provider.provider_id if username else ""


def of_practice(practice_id: str, provider_id: str) -> tuple[Provider, Practice]:
    """Return a provider and the practice, whoever is being served. Raises NotFound.

    For pages whose link names both; the pages show no more than the public profile does.
    """
    with identity.acting_as(Identity(f"service:{GATEWAY}", practice_id)):
        request = rpc.GetProviderRequest(provider_id=provider_id)
        found = stubs().providers.GetProvider(request)
    return found.provider, found.practice


def practice_of(provider_id: str) -> Practice:
    """Return the practice of a provider. Raises NotFound."""
    request = rpc.GetProviderRequest(provider_id=provider_id)
    return stubs().providers.GetProvider(request).practice


def first(count: int) -> Sequence[Provider]:
    """Return the first `count` providers of the caller's practice."""
    return stubs().providers.ListProviders(rpc.ListProvidersRequest(page_size=count)).providers
