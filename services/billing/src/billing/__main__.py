"""python -m billing"""

from attune.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from billing.events import handlers
from billing.servicer import BillingServicer
from common.config import ServiceSettings
from common.service import Service


def main() -> None:
    service = Service("billing", ServiceSettings.from_env())
    service.add(add_BillingServiceServicer_to_server, BillingServicer(service.database))
    service.handle(handlers)
    service.run()


if __name__ == "__main__":
    main()
