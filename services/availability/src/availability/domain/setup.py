"""The set-up of one provider, apart from hours and taken time."""

from collections.abc import Mapping
from dataclasses import dataclass

from availability.domain.policies import Policies
from availability.domain.service_types import ServiceType


@dataclass(frozen=True)
class Room:
    """A physical room in which the provider's hours take place."""

    id: str
    name: str
    address: str


@dataclass(frozen=True)
class PracticeDetails:
    """The details of a practice that are public."""

    name: str
    timezone: str
    currency_code: str
    country: str
    """ISO 3166-1 alpha-2, or empty."""
    address: str
    phone: str
    email: str
    website: str
    synthetic: bool
    """Whether the practice exists only to test this Attune (spec PF-14)."""


@dataclass(frozen=True)
class SetUp:
    """The set-up of one provider and their practice, as of one version."""

    provider_id: str
    practice_id: str
    number: int
    """The provider's resource number."""
    username: str
    display_name: str
    timezone: str
    practice: PracticeDetails
    policies: Policies
    service_types: Mapping[str, ServiceType]
    """By slug."""
    rooms: Mapping[int, Room]
    """By resource number."""
    provider_version: int
    """The number of the last change that concerned this provider alone."""
    practice_version: int
    """The number of the last change that concerned all providers of the practice."""
    version: int
    """The higher of the two."""
