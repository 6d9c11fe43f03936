"""python -m booking"""

from dataclasses import dataclass

from attune.availability.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from attune.booking.v1.booking_service_pb2_grpc import add_BookingServiceServicer_to_server
from booking import work
from booking.events import handlers
from booking.servicer import BookingServicer
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What booking reads besides."""

    availability_target: str


def main() -> None:
    settings = Settings.from_env()
    service = Service("booking", settings)
    availability = AvailabilityServiceStub(service.channel(settings.availability_target))
    servicer = BookingServicer(service.database, availability, service.clock)
    service.add(add_BookingServiceServicer_to_server, servicer)
    service.handle(handlers)
    service.work(work.HANDLERS)
    service.run()


if __name__ == "__main__":
    main()
