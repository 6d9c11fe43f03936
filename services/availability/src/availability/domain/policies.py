"""The policies that decide what is offered: what may be set, and what then holds (AV-15, AV-16)."""

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_ALLOWED,
    CONFIRMATION_INSTANT,
    ClientCancellation,
    Confirmation,
    Policies,
)
from availability.domain import inputs
from common.errors import Invalid

DEFAULTS = Policies(
    minimum_notice_minutes=30,
    maximum_advance_days=92,
    confirmation=CONFIRMATION_INSTANT,
    clients_may_schedule=True,
    new_clients_may_schedule=True,
    active_clients_may_schedule=True,
    inactive_clients_may_schedule=True,
    client_cancellation=CLIENT_CANCELLATION_ALLOWED,
    late_cancellation_minutes=24 * 60,
    hold_minutes=5,
)
"""The product's own, where a practice sets nothing else."""

_RANGES = {
    "minimum_notice_minutes": (0, 365 * 24 * 60),
    "maximum_advance_days": (0, 3660),
    "late_cancellation_minutes": (0, 30 * 24 * 60),
    "hold_minutes": (1, 60),
}
_CHOICES = {"confirmation": Confirmation, "client_cancellation": ClientCancellation}


def validate(policies: Policies, field: str = "policies") -> None:
    """Raises an Invalid that names the first policy that is out of its range."""
    for name, (least, most) in _RANGES.items():
        if policies.HasField(name):  # type: ignore[arg-type]  # a field's name
            inputs.number(getattr(policies, name), f"{field}.{name}", least, most)
    for name, choices in _CHOICES.items():
        if policies.HasField(name):  # type: ignore[arg-type]  # a field's name
            chosen = getattr(policies, name)
            if not chosen or chosen not in choices.values():
                raise Invalid(
                    "Choose one of those offered.", field=f"{field}.{name}", reason="INVALID_CHOICE"
                )


def effective(practice: Policies, provider: Policies) -> Policies:
    """The policies that hold for a provider: their own over the practice's over the defaults."""
    merged = Policies()
    for layer in (DEFAULTS, practice, provider):
        merged.MergeFrom(layer)
    return merged
