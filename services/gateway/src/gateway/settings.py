"""The gateway's settings, read from the environment."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from flask import current_app

from common.config import Misconfigured, ServiceSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Settings by field name. A limit is `60/minute`, or `60/minute;500/hour` for two."""

    nats_url: str = ""  # the gateway has no events
    # The address that people use; links in answers and email begin with it.
    public_url: str = "http://127.0.0.1:8080"
    # At least 32 characters; signs form tokens and the marks of devices.
    session_key: str = ""
    availability_target: str = "dns:///availability:50051"
    booking_target: str = "dns:///booking:50051"
    telehealth_rooms_target: str = "dns:///telehealth-rooms:50051"
    notifications_target: str = "dns:///notifications:50051"
    billing_target: str = "dns:///billing:50051"
    calendar_sync_target: str = "dns:///calendar-sync:50051"
    listen: str = "0.0.0.0:8080"  # all addresses of a container
    web_workers: int = 1
    # Requests that a process works on at the same time.
    web_threads: int = 16
    request_seconds: int = 10
    # Seconds in which the head of a request must arrive, from the first byte of the connection.
    head_seconds: int = 5
    # Host names that requests may have besides that of PUBLIC_URL, comma-separated; "*": any.
    allowed_hosts: str = ""
    # Networks of our proxies, whose X-Forwarded-For and X-Forwarded-Proto count, comma-separated.
    trusted_proxies: str = ""
    # Origins whose pages may call the API, comma-separated.
    cors_origins: str = ""
    session_idle_hours: int = 12
    session_days: int = 7
    # All requests by address, counted in each process: a search never waits for a database.
    limit_requests: str = "1200/minute"
    # Writes by account, or by address with a manage link; counted for all replicas together.
    limit_writes: str = "120/minute"
    # Holds and bookings by people who have not signed in, by address.
    limit_public_writes: str = "30/minute;300/hour"
    # Attempts to sign in, by address.
    limit_sign_ins: str = "60/minute"
    # Failures after which sign-in is blocked for a while, which doubles with each further failure.
    sign_in_failures: int = 10
    # The same for all accounts tried from one address together.
    sign_in_failures_by_address: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.session_key) < 32:
            raise Misconfigured("SESSION_KEY must have at least 32 characters")

    @property
    def most_per_service(self) -> int:
        """The most requests that may wait for one service, or for the database, at the same time.

        The other requests proceed.
        """
        return max(1, self.web_threads * 3 // 4)

    @property
    def connections(self) -> int:
        """The most connections to the database of one worker process: one is the sealer's."""
        return self.most_per_service + 1

    @property
    def secure(self) -> bool:
        """Return whether people reach the gateway over TLS."""
        return self.public_url.startswith("https://")

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The host names that requests may have."""
        own = urlsplit(self.public_url).hostname or ""
        loopback = {"localhost", "127.0.0.1", "::1"} if self.development else set()
        return frozenset({own, *_split(self.allowed_hosts), *loopback})

    @cached_property
    def origins(self) -> frozenset[str]:
        """The origins of other sites that may call the API."""
        return frozenset(_split(self.cors_origins))

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of our own proxies."""
        try:
            return tuple(ipaddress.ip_network(text) for text in _split(self.trusted_proxies))
        except ValueError as error:
            raise Misconfigured(f"TRUSTED_PROXIES: {error}") from error


def settings() -> Settings:
    """Return the settings of the app that is handling this request."""
    found: Settings = current_app.extensions["settings"]
    return found


def _split(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]
