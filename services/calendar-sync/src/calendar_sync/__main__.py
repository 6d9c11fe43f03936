"""python -m calendar_sync"""

from dataclasses import dataclass

from attune.availability.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.calendar_sync.v1.calendar_sync_service_pb2_grpc import (
    add_CalendarSyncServiceServicer_to_server,
)
from calendar_sync.servicer import CalendarSyncServicer
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What this service reads from the environment."""

    booking_target: str
    availability_target: str


def main() -> None:
    settings = Settings.from_env()
    service = Service("calendar-sync", settings)
    servicer = CalendarSyncServicer(
        service.database,
        service.clock,
        BookingServiceStub(service.channel(settings.booking_target)),
        AvailabilityServiceStub(service.channel(settings.availability_target)),
    )
    service.add(add_CalendarSyncServiceServicer_to_server, servicer)
    service.run()


if __name__ == "__main__":
    main()
