"""Profiles of providers."""

from gateway.openapi import examples
from gateway.openapi.types import Amount, Answer, Mode


class ServiceOffered(Answer):
    """A service that clients can book online."""

    service: str
    title: str
    description: str
    modes: list[Mode]
    duration_minutes: int
    price: Amount | None = None


class PracticeName(Answer):
    """The public profile of a practice."""

    name: str
    timezone: str
    address: str


class Profile(Answer):
    """The public profile of a provider."""

    example = {
        "username": examples.PROVIDER,
        "name": "Dana Demo, PhD",
        "timezone": "America/New_York",
        "practice": {
            "name": "Demo Practice",
            "timezone": "America/New_York",
            "address": "12 Willow Street, Brooklyn, NY 11201",
        },
        "services": [
            {
                "service": examples.SERVICE,
                "title": "Therapy session",
                "description": "A regular session of fifty minutes.",
                "modes": ["telehealth", "in_person", "phone"],
                "duration_minutes": 50,
                "price": {"minor_units": 15000, "currency": "USD"},
            }
        ],
    }

    username: str
    name: str
    timezone: str
    practice: PracticeName
    services: list[ServiceOffered]
