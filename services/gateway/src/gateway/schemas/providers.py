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


class PracticeProfile(Answer):
    """The public profile of a practice."""

    name: str
    timezone: str
    country: str
    address: str
    phone: str | None = None
    email: str | None = None
    website: str | None = None


class Profile(Answer):
    """The public profile of a provider."""

    username: str
    name: str
    timezone: str
    practice: PracticeProfile
    services: list[ServiceOffered]
