"""python -m calendar_sync"""

from dataclasses import dataclass

from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from calendar_sync.servicer import servicers
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
    service.add(
        servicers(
            service.database,
            service.clock,
            BookingServiceStub(service.channel(settings.booking_target)),
            ProviderServiceStub(service.channel(settings.availability_target)),
        )
    )
    service.run()


if __name__ == "__main__":
    main()
