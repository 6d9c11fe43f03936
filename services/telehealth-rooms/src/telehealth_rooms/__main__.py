"""`python -m telehealth_rooms`: wiring."""

from datetime import timedelta

from common.service import Service
from telehealth_rooms.adapters.booking import Bookings
from telehealth_rooms.domain import Leeway
from telehealth_rooms.events import handlers
from telehealth_rooms.projection import projection
from telehealth_rooms.retention import purges
from telehealth_rooms.servicer import servicers
from telehealth_rooms.settings import Settings


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
