"""The availability service, which owns providers and practices."""

from uuid import UUID

import grpc

from attune.availability.v1.provider_service_pb2 import GetProviderRequest, GetProviderResponse
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from common.rpc import identity
from common.rpc.identity import Identity


class Providers:
    """The calls of notifications to availability."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._providers = ProviderServiceStub(channel)

    def get(self, practice_id: UUID, provider_id: str) -> GetProviderResponse:
        """Return a provider and the practice. Raises NotFound."""
        with identity.acting_as(Identity("service:notifications", str(practice_id))):
            return self._providers.GetProvider(GetProviderRequest(provider_id=provider_id))
