"""python -m availability"""

from availability.adapters.booking import Occupancy
from availability.events import handlers
from availability.jobs import jobs
from availability.search.cache import Cache
from availability.servicer import servicers
from availability.settings import Settings
from common.service import Service


def main() -> None:
    settings = Settings.from_env()
    service = Service("availability", settings)
    booking = Occupancy(service.channel(settings.booking_target))
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
    service.check("events", cache.is_ready)
    cache.follow(service.bus)
    cache.report_size()
    service.run()


if __name__ == "__main__":
    main()
