"""Channels and stubs of all services, made in the worker that uses them."""

from flask import current_app

from attune.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from attune.availability.v1.hours_service_pb2_grpc import HoursServiceStub
from attune.availability.v1.physical_room_service_pb2_grpc import PhysicalRoomServiceStub
from attune.availability.v1.policy_service_pb2_grpc import PolicyServiceStub
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceStub
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.availability.v1.service_type_service_pb2_grpc import ServiceTypeServiceStub
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceStub
from attune.billing.v1.billable_service_pb2_grpc import BillableServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.booking.v1.client_service_pb2_grpc import ClientServiceStub
from attune.booking.v1.hold_service_pb2_grpc import HoldServiceStub
from attune.calendar_sync.v1.feed_service_pb2_grpc import FeedServiceStub
from attune.notifications.v1.development_mailbox_service_pb2_grpc import (
    DevelopmentMailboxServiceStub,
)
from attune.notifications.v1.notice_service_pb2_grpc import NoticeServiceStub
from attune.telehealth_rooms.v1.room_service_pb2_grpc import RoomServiceStub
from common.rpc import channels
from common.rpc.identity import Signer
from common.rpc.tls import Certificates
from gateway.settings import Settings


class Stubs:
    """A stub for each proto service, over one channel for each service."""

    def __init__(
        self, settings: Settings, signer: Signer, certificates: Certificates | None
    ) -> None:
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
                most=settings.most_per_service,
                max_wait=settings.turn_seconds,
                certificates=certificates,
            )
            for name, target in self.targets.items()
        }
        self.slots = SlotServiceStub(self._channels["availability"])
        self.practices = PracticeServiceStub(self._channels["availability"])
        self.providers = ProviderServiceStub(self._channels["availability"])
        self.hours = HoursServiceStub(self._channels["availability"])
        self.physical_rooms = PhysicalRoomServiceStub(self._channels["availability"])
        self.service_types = ServiceTypeServiceStub(self._channels["availability"])
        self.policies = PolicyServiceStub(self._channels["availability"])
        self.billables = BillableServiceStub(self._channels["billing"])
        self.bookings = BookingServiceStub(self._channels["booking"])
        self.holds = HoldServiceStub(self._channels["booking"])
        self.clients = ClientServiceStub(self._channels["booking"])
        self.feeds = FeedServiceStub(self._channels["calendar-sync"])
        self.development_mailbox = DevelopmentMailboxServiceStub(self._channels["notifications"])
        self.notices = NoticeServiceStub(self._channels["notifications"])
        self.rooms = RoomServiceStub(self._channels["telehealth-rooms"])
        self.audit = {n: AuditServiceStub(channel) for n, channel in self._channels.items()}

    def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            channel.close()


def stubs() -> Stubs:
    """Return the stubs of the app that is handling this request."""
    found: Stubs = current_app.extensions["stubs"]
    return found
