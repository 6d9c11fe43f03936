"""`python -m notifications`: wiring."""

from dataclasses import dataclass

from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.telehealth_rooms.v1.room_service_pb2_grpc import RoomServiceStub
from common.config import ServiceSettings
from common.service import Service
from notifications import channels
from notifications.events import handlers
from notifications.jobs import Delivery, Peers, jobs
from notifications.servicer import servicers


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What this service reads from the environment."""

    booking_target: str
    availability_target: str
    telehealth_rooms_target: str
    # Where the gateway is reached from outside; the links in notices begin with it.
    public_url: str
    # "smtp", or "development" for the development mailbox.
    channel: str = channels.SMTP
    # smtp://user:password@host:port, or smtps://.
    smtp_url: str = "smtp://localhost:25"
    # The address in From; its name is the practice's.
    mail_from: str = "no-reply@localhost"


def main() -> None:
    settings = Settings.from_env()
    service = Service("notifications", settings)
    mailbox = settings.development and settings.channel == channels.DEVELOPMENT
    service.add(servicers(service.database, service.clock, mailbox))
    delivery = Delivery(
        Peers(
            BookingServiceStub(service.channel(settings.booking_target)),
            ProviderServiceStub(service.channel(settings.availability_target)),
            RoomServiceStub(service.channel(settings.telehealth_rooms_target)),
        ),
        channels.channel(settings.channel, settings.smtp_url, service.database, service.clock),
        settings.public_url,
        settings.mail_from,
    )
    service.handle(handlers)
    service.work(jobs, delivery)
    service.run()


if __name__ == "__main__":
    main()
