"""Stubs with all RPCs of a service, for tests that use several of its proto services."""

from typing import Any

from attune.availability.v1.hours_service_pb2_grpc import HoursServiceStub
from attune.availability.v1.physical_room_service_pb2_grpc import PhysicalRoomServiceStub
from attune.availability.v1.policy_service_pb2_grpc import PolicyServiceStub
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceStub
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.availability.v1.service_type_service_pb2_grpc import ServiceTypeServiceStub
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceStub
from attune.billing.v1.billable_service_pb2_grpc import BillableServiceStub
from attune.booking.v1.booking_fact_service_pb2_grpc import BookingFactServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.booking.v1.client_service_pb2_grpc import ClientServiceStub
from attune.booking.v1.hold_service_pb2_grpc import HoldServiceStub
from attune.booking.v1.occupancy_service_pb2_grpc import OccupancyServiceStub
from attune.calendar_sync.v1.feed_service_pb2_grpc import FeedServiceStub
from attune.notifications.v1.development_mailbox_service_pb2_grpc import (
    DevelopmentMailboxServiceStub,
)
from attune.notifications.v1.notice_service_pb2_grpc import NoticeServiceStub
from attune.telehealth_rooms.v1.room_service_pb2_grpc import RoomServiceStub


class _Stubs:
    def __init__(self, channel: Any) -> None:
        for stub in type(self).__bases__[1:]:
            stub.__init__(self, channel)  # type: ignore[misc]  # a generated class


class AvailabilityStub(
    _Stubs,
    SlotServiceStub,
    ProviderServiceStub,
    PracticeServiceStub,
    HoursServiceStub,
    PhysicalRoomServiceStub,
    ServiceTypeServiceStub,
    PolicyServiceStub,
):
    """All RPCs of availability."""


class BookingStub(
    _Stubs,
    BookingServiceStub,
    BookingFactServiceStub,
    HoldServiceStub,
    OccupancyServiceStub,
    ClientServiceStub,
):
    """All RPCs of booking."""


class NotificationsStub(_Stubs, NoticeServiceStub, DevelopmentMailboxServiceStub):
    """All RPCs of notifications."""


BillingStub = BillableServiceStub
CalendarSyncStub = FeedServiceStub
TelehealthRoomsStub = RoomServiceStub
