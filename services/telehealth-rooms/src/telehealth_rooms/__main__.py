"""python -m telehealth_rooms"""

from dataclasses import dataclass
from datetime import timedelta

from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from common.config import ServiceSettings
from common.service import Service
from telehealth_rooms.domain import Leeway
from telehealth_rooms.events import handlers
from telehealth_rooms.servicer import servicers


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What this service reads from the environment."""

    booking_target: str
    # Links work from so many minutes before the planned start …
    room_opens_minutes_before: int = 15
    # … to so many after the planned end.
    room_closes_minutes_after: int = 60


def main() -> None:
    settings = Settings.from_env()
    service = Service("telehealth-rooms", settings)
    service.add(
        servicers(
            service.database,
            service.clock,
            BookingServiceStub(service.channel(settings.booking_target)),
            Leeway(
                timedelta(minutes=settings.room_opens_minutes_before),
                timedelta(minutes=settings.room_closes_minutes_after),
            ),
        )
    )
    service.handle(handlers)
    service.run()


if __name__ == "__main__":
    main()
