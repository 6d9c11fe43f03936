"""`python -m calendar_sync`: wiring."""

from calendar_sync.adapters.availability import Providers
from calendar_sync.adapters.booking import Bookings
from calendar_sync.servicer import servicers
from calendar_sync.settings import Settings
from common.service import Service


def main() -> None:
    settings = Settings.from_env()
    service = Service("calendar-sync", settings)
    service.add(
        servicers(
            service.database,
            service.clock,
            Bookings(service.channel(settings.booking_target)),
            Providers(service.channel(settings.availability_target)),
        )
    )
    service.run()


if __name__ == "__main__":
    main()
