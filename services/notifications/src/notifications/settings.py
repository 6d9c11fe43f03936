"""The settings of notifications, read from the environment."""

from dataclasses import dataclass

from common.config import Misconfigured, ServiceSettings

SMTP, DEVELOPMENT = "smtp", "development"


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of notifications besides those of every service."""

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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channel not in {SMTP, DEVELOPMENT}:
            raise Misconfigured(f"CHANNEL must be {SMTP} or {DEVELOPMENT}, not {self.channel!r}")
