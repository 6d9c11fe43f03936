"""The services behind the gateway: one channel and one stub each, made in the worker that uses
them."""

import grpc
from flask import current_app

from attune.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from attune.availability.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from attune.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.calendar_sync.v1.calendar_sync_service_pb2_grpc import CalendarSyncServiceStub
from attune.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from attune.telehealth_rooms.v1.telehealth_rooms_service_pb2_grpc import (
    TelehealthRoomsServiceStub,
)
from common.rpc import channels
from common.rpc.identity import Signer
from gateway.settings import Settings


class Backends:
    """Stubs by name. Calls are made as `identity.caller()`, within the request's deadline; what
    fails is raised as the DomainError that the service raised."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self.targets = {
            "availability": settings.availability_target,
            "booking": settings.booking_target,
            "telehealth-rooms": settings.telehealth_rooms_target,
            "notifications": settings.notifications_target,
            "billing": settings.billing_target,
            "calendar-sync": settings.calendar_sync_target,
        }
        self._channels = {
            name: channels.channel(
                target,
                signer,
                settings.call_seconds,
                most=settings.most_for_one,
                turn=settings.turn_seconds,
            )
            for name, target in self.targets.items()
        }
        self.availability = AvailabilityServiceStub(self._channels["availability"])
        self.booking = BookingServiceStub(self._channels["booking"])
        self.rooms = TelehealthRoomsServiceStub(self._channels["telehealth-rooms"])
        self.notifications = NotificationsServiceStub(self._channels["notifications"])
        self.billing = BillingServiceStub(self._channels["billing"])
        self.calendar_sync = CalendarSyncServiceStub(self._channels["calendar-sync"])
        self.audit = {n: AuditServiceStub(channel) for n, channel in self._channels.items()}

    def channel(self, name: str) -> grpc.Channel:
        return self._channels[name]

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


def backends() -> Backends:
    """The stubs of the app that is handling this request."""
    found: Backends = current_app.extensions["backends"]
    return found
