"""`python -m notifications`: wiring."""

from common.clock import Clock
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
from notifications.servicer import servicers
from notifications.settings import DEVELOPMENT, SMTP, Settings


def main() -> None:
    settings = Settings.from_env()
    service = Service("notifications", settings)
    mailbox = settings.development and settings.channel == DEVELOPMENT
    service.add(servicers(service.database, service.clock, mailbox))
    delivery = Delivery(
        Peers(
            Bookings(service.channel(settings.booking_target)),
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
    service.run()


def channel(name: str, smtp_url: str, database: Database, clock: Clock) -> Channel:
    """Return the channel with this name, which the settings have checked."""
    return SmtpChannel(smtp_url) if name == SMTP else MailboxChannel(database, clock)


if __name__ == "__main__":
    main()
