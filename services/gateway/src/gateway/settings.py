"""What the gateway reads from the environment."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from flask import current_app

from common.config import Misconfigured, ServiceSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Limits are written as `60/minute` or, several at once, `60/minute;500/hour`."""

    nats_url: str = ""  # it neither hears nor tells events
    # What people reach the gateway by; links in answers and e-mails begin with it.
    public_url: str = "http://127.0.0.1:8080"
    # At least 32 characters; signs form tokens and device cookies.
    session_key: str = ""
    availability_target: str = "dns:///availability:50051"
    booking_target: str = "dns:///booking:50051"
    telehealth_rooms_target: str = "dns:///telehealth-rooms:50051"
    notifications_target: str = "dns:///notifications:50051"
    billing_target: str = "dns:///billing:50051"
    calendar_sync_target: str = "dns:///calendar-sync:50051"
    listen: str = "0.0.0.0:8080"  # a container's own address
    web_workers: int = 1
    # Requests at work at once in a process.
    web_threads: int = 16
    request_seconds: int = 10
    # Host names that requests may name besides PUBLIC_URL's, comma-separated; "*": any.
    allowed_hosts: str = ""
    # Networks whose X-Forwarded-For and X-Forwarded-Proto are believed, comma-separated.
    trusted_proxies: str = ""
    # Origins whose pages may call the API, comma-separated.
    cors_origins: str = ""
    session_idle_hours: int = 12
    session_days: int = 7
    # All requests by address, counted in each process: reading never asks a database.
    limit_requests: str = "1200/minute"
    # Writes by account or, by manage link, by address; counted for all replicas together.
    limit_writes: str = "120/minute"
    # Holds and bookings by people who have not signed in, by address.
    limit_public_writes: str = "30/minute;300/hour"
    # Attempts to sign in, by address.
    limit_sign_ins: str = "60/minute"
    # Failures after which sign-in is blocked for a while, which doubles with each further one.
    sign_in_failures: int = 10
    # The same for all accounts tried from one address together.
    sign_in_failures_by_address: int = 50

    def __post_init__(self) -> None:
        if len(self.session_key) < 32:
            raise Misconfigured("SESSION_KEY must have at least 32 characters")

    @property
    def most_for_one(self) -> int:
        """How many requests may wait for one service, or for the database, at once: the others
        go on."""
        return max(1, self.web_threads * 3 // 4)

    @property
    def secure(self) -> bool:
        """Whether people reach the gateway over TLS."""
        return self.public_url.startswith("https://")

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The host names that requests may name."""
        own = urlsplit(self.public_url).hostname or ""
        loopback = {"localhost", "127.0.0.1", "::1"} if self.development else set()
        return frozenset({own, *_listed(self.allowed_hosts), *loopback})

    @cached_property
    def origins(self) -> frozenset[str]:
        """The origins of other sites that may call the API."""
        return frozenset(_listed(self.cors_origins))

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of our own proxies."""
        try:
            return tuple(ipaddress.ip_network(text) for text in _listed(self.trusted_proxies))
        except ValueError as error:
            raise Misconfigured(f"TRUSTED_PROXIES: {error}") from error


def settings() -> Settings:
    """The settings of the app that is handling this request."""
    found: Settings = current_app.extensions["settings"]
    return found


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]
