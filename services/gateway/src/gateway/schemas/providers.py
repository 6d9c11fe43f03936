"""Profiles of providers."""

from gateway.openapi.types import Amount, Answer, Mode


class ServiceOffered(Answer):
    """A service type that clients can book themselves."""

    service: str
    title: str
    description: str
    modes: list[Mode]
    duration_minutes: int
    price: Amount | None = None


class PracticeName(Answer):
    """What anybody may know of a practice."""

    name: str
    timezone: str
    address: str


class Profile(Answer):
    """What anybody may know of a provider."""

    username: str
    name: str
    timezone: str
    practice: PracticeName
    services: list[ServiceOffered]
