"""Policies that a practice or a provider can set, and those in effect (spec AV-15, AV-16)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from common import validation
from common.errors import Invalid

Settings = Mapping[str, int | bool | str]
"""The policies that a practice or a provider has set itself, by name. The database keeps them as
JSON in this form."""


class Confirmation(StrEnum):
    """Whether a client's booking is confirmed at once or waits for the provider."""

    INSTANT = "CONFIRMATION_INSTANT"
    APPROVAL = "CONFIRMATION_APPROVAL"


class ClientCancellation(StrEnum):
    """What a client's own cancellation does before it is late."""

    ALLOWED = "CLIENT_CANCELLATION_ALLOWED"
    APPROVAL = "CLIENT_CANCELLATION_APPROVAL"
    NOT_ALLOWED = "CLIENT_CANCELLATION_NOT_ALLOWED"


@dataclass(frozen=True)
class Policies:
    """The policies that hold for a practice or a provider. The defaults are the product's."""

    minimum_notice_minutes: int = 30
    maximum_advance_days: int = 92
    """Zero means unlimited."""
    confirmation: str = Confirmation.INSTANT
    clients_may_schedule: bool = True
    new_clients_may_schedule: bool = True
    active_clients_may_schedule: bool = True
    inactive_clients_may_schedule: bool = True
    client_cancellation: str = ClientCancellation.ALLOWED
    late_cancellation_minutes: int = 24 * 60
    hold_minutes: int = 5


NAMES = frozenset(field.name for field in fields(Policies))
_RANGES = {
    "minimum_notice_minutes": (0, 365 * 24 * 60),
    "maximum_advance_days": (0, 3660),
    "late_cancellation_minutes": (0, 30 * 24 * 60),
    "hold_minutes": (1, 60),
}
_CHOICES = {
    "confirmation": frozenset(Confirmation),
    "client_cancellation": frozenset(ClientCancellation),
}


def check(settings: Settings, field: str = "policies") -> None:
    """Raise an Invalid that names the first policy whose value is out of range."""
    for name, (least, most) in _RANGES.items():
        if name in settings:
            validation.number(int(settings[name]), f"{field}.{name}", least, most)
    for name, choices in _CHOICES.items():
        if name in settings and settings[name] not in choices:
            raise Invalid(
                f"Must be one of: {', '.join(sorted(choices))}.",
                field=f"{field}.{name}",
                reason="INVALID_CHOICE",
            )


def effective(practice: Settings, provider: Settings) -> Policies:
    """Return the policies of a provider: the provider's own settings come first, then the
    practice's, then the product's defaults."""
    return Policies(**{**practice, **provider})  # type: ignore[arg-type]  # checked when saved
