"""The availability service, which owns the providers of each practice."""

from uuid import UUID

import grpc

from attune.availability.v1.provider_service_pb2 import GetProviderRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from common.errors import NotFound
from common.rpc import identity
from common.rpc.identity import Identity


class Providers:
    """The calls of calendar-sync to availability."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._providers = ProviderServiceStub(channel)

    def exists(self, practice_id: str, provider_id: UUID) -> bool:
        """Return whether a practice has this provider. The call is made as this service."""
        with identity.acting_as(Identity("service:calendar-sync", practice_id)):
            try:
                self._providers.GetProvider(GetProviderRequest(provider_id=str(provider_id)))
            except NotFound:
                return False
        return True
