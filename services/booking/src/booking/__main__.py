"""python -m booking"""

from dataclasses import dataclass

from booking.adapters.availability import Availability
from booking.events import handlers
from booking.jobs import jobs
from booking.retention import purges
from booking.servicer import servicers
from common.config import ServiceSettings
from common.service import Service


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of booking besides those of every service."""

    availability_target: str


def main() -> None:
    settings = Settings.from_env()
    service = Service("booking", settings)
    availability = Availability(service.channel(settings.availability_target))
    service.add(servicers(service.database, availability, service.clock))
    service.handle(handlers)
    service.work(jobs)
    service.retain(purges)
    service.run()


if __name__ == "__main__":
    main()
