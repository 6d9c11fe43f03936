"""`python -m billing`: wiring."""

from billing.events import handlers
from billing.servicer import servicers
from billing.settings import Settings
from common.service import Service


def main() -> None:
    service = Service("billing", Settings.from_env())
    service.add(servicers(service.database))
    service.handle(handlers)
    service.run()


if __name__ == "__main__":
    main()
