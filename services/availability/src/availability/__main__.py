"""python -m availability"""

from dataclasses import dataclass

from availability.adapters.booking import Occupancy
from availability.events import handlers
from availability.jobs import jobs
from availability.servicer import servicers
from availability.state import State
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What availability reads besides."""

    booking_target: str
    # How many providers are kept in memory, and about how much of it they may take.
    warm_providers: int = 20_000
    warm_megabytes: int = 1024


def main() -> None:
    settings = Settings.from_env()
    service = Service("availability", settings)
    booking = Occupancy(service.channel(settings.booking_target))
    state = State(
        service.database,
        booking,
        service.clock,
        settings.warm_providers,
        settings.warm_megabytes,
    )
    service.add(servicers(service.database, state, service.clock))
    service.handle(handlers)
    service.work(jobs, booking)
    service.check("events", state.is_ready)
    state.follow(service.bus)
    service.run()


if __name__ == "__main__":
    main()
