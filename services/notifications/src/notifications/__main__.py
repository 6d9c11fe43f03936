"""`python -m notifications`: wiring."""

from dataclasses import dataclass

from common.clock import Clock
from common.config import Misconfigured, ServiceSettings
from common.db.database import Database
from common.service import Service
from notifications.actions.delivery import Delivery
from notifications.adapters.availability import Providers
from notifications.adapters.booking import Bookings
from notifications.adapters.channel import Channel
from notifications.adapters.mailbox import MailboxChannel
from notifications.adapters.peers import Peers
from notifications.adapters.smtp import SmtpChannel
from notifications.adapters.telehealth_rooms import Rooms
from notifications.events import handlers
from notifications.jobs import jobs
from notifications.projection import projection
from notifications.retention import purges
from notifications.servicer import servicers

SMTP, DEVELOPMENT = "smtp", "development"


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings that this service reads from the environment."""

    booking_target: str
    availability_target: str
    telehealth_rooms_target: str
    # The gateway's address for the outside world; the links in notices begin with it.
    public_url: str
    # "smtp", or "development" for the development mailbox.
    channel: str = SMTP
    # smtp://user:password@host:port, or smtps://.
    smtp_url: str = "smtp://localhost:25"
    # The address in From; its name is the practice's.
    mail_from: str = "no-reply@localhost"


def main() -> None:
    settings = Settings.from_env()
    service = Service("notifications", settings)
    mailbox = settings.development and settings.channel == DEVELOPMENT
    service.add(servicers(service.database, service.clock, mailbox))
    to_booking = service.channel(settings.booking_target)
    delivery = Delivery(
        Peers(
            Bookings(to_booking),
            Providers(service.channel(settings.availability_target)),
            Rooms(service.channel(settings.telehealth_rooms_target)),
        ),
        channel(settings.channel, settings.smtp_url, service.database, service.clock),
        service.clock,
        settings.public_url,
        settings.mail_from,
    )
    service.handle(handlers)
    service.work(jobs, delivery)
    service.retain(purges)
    service.upkeep.compare(projection, to_booking)
    service.run()


def channel(name: str, smtp_url: str, database: Database, clock: Clock) -> Channel:
    """Return the channel with this name. Raises Misconfigured."""
    if name == SMTP:
        return SmtpChannel(smtp_url)
    if name == DEVELOPMENT:
        return MailboxChannel(database, clock)
    raise Misconfigured(f"CHANNEL must be {SMTP} or {DEVELOPMENT}")


if __name__ == "__main__":
    main()
