"""`python -m telehealth_rooms`: wiring."""

from dataclasses import dataclass
from datetime import timedelta

from common.config import ServiceSettings
from common.service import Service
from telehealth_rooms.adapters.booking import Bookings
from telehealth_rooms.domain import Leeway
from telehealth_rooms.events import handlers
from telehealth_rooms.projection import projection
from telehealth_rooms.retention import purges
from telehealth_rooms.servicer import servicers


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings that this service reads from the environment."""

    booking_target: str
    # Links work from this many minutes before the planned start …
    room_opens_minutes_before: int = 15
    # … to this many after the planned end.
    room_closes_minutes_after: int = 60


def main() -> None:
    settings = Settings.from_env()
    service = Service("telehealth-rooms", settings)
    to_booking = service.channel(settings.booking_target)
    service.add(
        servicers(
            service.database,
            service.clock,
            Bookings(to_booking),
            Leeway(
                timedelta(minutes=settings.room_opens_minutes_before),
                timedelta(minutes=settings.room_closes_minutes_after),
            ),
        )
    )
    service.handle(handlers)
    service.retain(purges)
    service.upkeep.compare(projection, to_booking)
    service.run()


if __name__ == "__main__":
    main()
