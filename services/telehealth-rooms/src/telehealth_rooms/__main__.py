"""`python -m telehealth_rooms`: wiring."""

from datetime import timedelta

from common.service import Service
from telehealth_rooms.adapters.booking import Bookings
from telehealth_rooms.domain import Leeway
from telehealth_rooms.events import handlers
from telehealth_rooms.servicer import servicers
from telehealth_rooms.settings import Settings


def main() -> None:
    settings = Settings.from_env()
    service = Service("telehealth-rooms", settings)
    service.add(
        servicers(
            service.database,
            service.clock,
            Bookings(service.channel(settings.booking_target)),
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
