"""`python -m billing`: wiring."""

from billing.events import handlers
from billing.projection import projection
from billing.retention import purges
from billing.servicer import servicers
from billing.settings import Settings
from common.service import Service


def main() -> None:
    settings = Settings.from_env()
    service = Service("billing", settings)
    service.add(servicers(service.database))
    service.handle(handlers)
    service.retain(purges)
    service.upkeep.compare(projection, service.channel(settings.booking_target))
    service.run()


if __name__ == "__main__":
    main()
