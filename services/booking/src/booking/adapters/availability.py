"""Availability, which knows every rule except occupancy."""

from datetime import timedelta
from uuid import UUID

import grpc

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.availability_pb2 import ClientCancellation
from attune.availability.v1.availability_pb2 import Confirmation as ConfirmationMessage
from attune.availability.v1.provider_service_pb2 import GetProfileRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.availability.v1.slot_service_pb2 import CheckSlotRequest
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceStub
from attune.common.v1.types_pb2 import ClientStatus, Fee, Mode, Money
from booking.domain.cancellation import CancellationPolicy
from booking.domain.occupancy import Resource
from booking.domain.terms import Confirmation, ServiceTerms, Slot, Terms
from common import proto
from common.rpc import identity
from common.rpc.identity import Identity

_ITSELF = Identity("service:booking")


class Availability:
    """The calls of booking to availability, made as this service for any caller."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._slots = SlotServiceStub(channel)
        self._providers = ProviderServiceStub(channel)

    def check(self, slot: Slot, client_status: str) -> Terms:
        """Check a slot against every rule except occupancy; return the terms to freeze.

        Raises NotFound, or Refused with the first failing rule as its reason.
        """
        request = CheckSlotRequest(
            username=slot.username,
            service=slot.service,
            mode=proto.value(Mode, slot.mode),
            start_time=proto.timestamp(slot.start),
            client_status=proto.value(ClientStatus, client_status),
        )
        with identity.acting_as(_ITSELF):
            return terms(slot.username, slot.mode, self._slots.CheckSlot(request).terms)

    def practice_of(self, username: str) -> UUID:
        """Return the id of a provider's practice. Raises NotFound."""
        with identity.acting_as(_ITSELF):
            profile = self._providers.GetProfile(GetProfileRequest(username=username))
        return UUID(profile.practice.practice_id)


def terms(username: str, mode: str, message: pb.Terms) -> Terms:
    """Return availability's terms as booking's own, with the fees of one mode."""
    service, policies = message.service_type, message.policies
    return Terms(
        practice_id=UUID(message.practice_id),
        provider_id=UUID(message.provider_id),
        username=username,
        timezone=message.provider_timezone,
        mode=mode,
        country=message.country,
        synthetic=message.synthetic,
        address=message.address,
        resources=tuple(Resource(r.number, UUID(r.id)) for r in message.resources),
        service=_service(service, mode),
        duration=timedelta(minutes=service.duration_minutes),
        buffer_before=timedelta(minutes=service.buffer_before_minutes),
        buffer_after=timedelta(minutes=service.buffer_after_minutes),
        confirmation=Confirmation(proto.word(ConfirmationMessage, policies.confirmation)),
        client_cancellation=CancellationPolicy(
            proto.word(ClientCancellation, policies.client_cancellation)
        ),
        late_cancellation_minutes=policies.late_cancellation_minutes,
        hold_duration=timedelta(minutes=policies.hold_minutes),
    )


def _service(service: pb.ServiceType, mode: str) -> ServiceTerms:
    return ServiceTerms(
        service_type_id=UUID(service.service_type_id),
        slug=service.slug,
        title=service.title,
        code=service.code,
        duration_minutes=service.duration_minutes,
        currency_code=service.price.currency_code,
        price=service.price.minor_units,
        no_show_fee=_amount(service.no_show_fee, mode),
        late_cancellation_fee=_amount(service.late_cancellation_fee, mode),
    )


def _amount(fee: Fee, mode: str) -> int | None:
    """Return the fee in one mode, in minor units; None if there is none."""
    amount: Money | None = fee.amount if fee.HasField("amount") else None
    for exception in fee.by_mode:
        if exception.mode == proto.value(Mode, mode):
            amount = exception.amount
    return amount.minor_units if amount else None
