"""Availability, which knows every rule but taken time."""

import grpc

from attune.availability.v1.availability_pb2 import Terms
from attune.availability.v1.provider_service_pb2 import GetProfileRequest, GetProfileResponse
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.availability.v1.slot_service_pb2 import CheckSlotRequest
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceStub
from common.rpc import identity
from common.rpc.identity import Identity

_ITSELF = Identity("service:booking")


class Availability:
    """The calls of booking to availability, made as this service, whoever is being served."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._slots = SlotServiceStub(channel)
        self._providers = ProviderServiceStub(channel)

    def check(self, slot: CheckSlotRequest) -> Terms:
        """Check a slot against every rule except taken time; return the terms to freeze.

        Raises NotFound, or Refused with the first failing rule as its reason.
        """
        with identity.acting_as(_ITSELF):
            return self._slots.CheckSlot(slot).terms

    def profile(self, username: str) -> GetProfileResponse:
        """Return the public profile of a provider. Raises NotFound."""
        with identity.acting_as(_ITSELF):
            return self._providers.GetProfile(GetProfileRequest(username=username))
