"""`python -m calendar_sync`: wiring."""

from dataclasses import dataclass

from calendar_sync.adapters.availability import Providers
from calendar_sync.adapters.booking import Bookings
from calendar_sync.retention import purges
from calendar_sync.servicer import servicers
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings that this service reads from the environment."""

    booking_target: str
    availability_target: str


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
    service.retain(purges)
    service.run()


if __name__ == "__main__":
    main()
