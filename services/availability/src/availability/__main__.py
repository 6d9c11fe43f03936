"""python -m availability"""

from dataclasses import dataclass

from availability.adapters.booking import Occupancy
from availability.events import handlers
from availability.jobs import jobs
from availability.projection import projection
from availability.retention import purges
from availability.search.cache import Cache
from availability.servicer import servicers
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of availability besides those of every service."""

    booking_target: str
    # How many providers are kept in memory, and about how much of it they may take.
    cache_providers: int = 20_000
    cache_megabytes: int = 1024


def main() -> None:
    settings = Settings.from_env()
    service = Service("availability", settings)
    to_booking = service.channel(settings.booking_target)
    booking = Occupancy(to_booking)
    cache = Cache(
        service.database,
        booking,
        service.clock,
        settings.cache_providers,
        settings.cache_megabytes,
    )
    service.add(servicers(service.database, cache, service.clock))
    service.handle(handlers)
    service.work(jobs, booking)
    service.retain(purges)
    service.upkeep.compare(projection, to_booking)
    service.check("events", cache.is_ready)
    cache.follow(service.bus)
    service.run()


if __name__ == "__main__":
    main()
