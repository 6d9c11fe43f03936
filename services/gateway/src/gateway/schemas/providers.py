"""Profiles of providers."""

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import Amount, Answer, Mode
from gateway.schemas.practices import SYNTHETIC


class ServiceOffered(Answer):
    """A service that clients can book online."""

    service: str
    title: str
    description: str
    modes: list[Mode]
    duration_minutes: int
    price: Amount | None = None


class PracticeProfile(Answer):
    """The public profile of a practice."""

    example = {
        "name": "Demo Practice",
        "timezone": "America/New_York",
        "country": "US",
        "address": "12 Willow Street, Brooklyn, NY 11201",
        "phone": "+17185550142",
        "email": "hello@demo.example",
        "website": "https://demo.example",
        "synthetic": False,
    }

    name: str
    timezone: str
    country: str
    address: str
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    synthetic: bool = Field(description=SYNTHETIC)


class Profile(Answer):
    """The public profile of a provider."""

    example = {
        "username": examples.PROVIDER,
        "name": "Dana Demo, PhD",
        "timezone": "America/New_York",
        "practice": PracticeProfile.example,
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
    practice: PracticeProfile
    services: list[ServiceOffered]
