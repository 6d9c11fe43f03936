"""python -m booking"""

from booking.adapters.availability import Availability
from booking.events import handlers
from booking.jobs import jobs
from booking.servicer import servicers
from booking.settings import Settings
from common.service import Service


def main() -> None:
    settings = Settings.from_env()
    service = Service("booking", settings)
    availability = Availability(service.channel(settings.availability_target))
    service.add(servicers(service.database, availability, service.clock))
    service.handle(handlers)
    service.work(jobs)
    service.run()


if __name__ == "__main__":
    main()
