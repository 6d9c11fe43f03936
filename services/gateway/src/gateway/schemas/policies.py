"""Policies."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi.types import FROM_JSON, Answer, Request, Version

_YEAR = 365 * 24 * 60  # minutes
_MONTH = 30 * 24 * 60


class NewPolicies(Request):
    """Booking policies. Those left out fall back to the practice's, or to the defaults."""

    minimum_notice_minutes: Annotated[int, Field(ge=0, le=_YEAR), FROM_JSON] | None = None
    maximum_advance_days: (
        Annotated[int, Field(ge=0, le=3660, description="0: no limit."), FROM_JSON] | None
    ) = None
    confirmation: Literal["instant", "approval"] | None = None
    clients_may_schedule: bool | None = None
    new_clients_may_schedule: bool | None = None
    active_clients_may_schedule: bool | None = None
    inactive_clients_may_schedule: bool | None = None
    client_cancellation: Literal["allowed", "approval", "not_allowed"] | None = None
    late_cancellation_minutes: Annotated[int, Field(ge=0, le=_MONTH), FROM_JSON] | None = None
    hold_minutes: Annotated[int, Field(ge=1, le=60), FROM_JSON] | None = None


class PoliciesChange(Request):
    """The policies that replace the current ones."""

    example = {
        "version": 1,
        "policies": {"minimum_notice_minutes": 1440, "client_cancellation": "allowed"},
    }

    version: Version
    policies: NewPolicies


class Policies(Answer):
    """Booking policies."""

    minimum_notice_minutes: int | None = None
    maximum_advance_days: int | None = None
    confirmation: Literal["instant", "approval"] | None = None
    clients_may_schedule: bool | None = None
    new_clients_may_schedule: bool | None = None
    active_clients_may_schedule: bool | None = None
    inactive_clients_may_schedule: bool | None = None
    client_cancellation: Literal["allowed", "approval", "not_allowed"] | None = None
    late_cancellation_minutes: int | None = None
    hold_minutes: int | None = None


class AllPolicies(Answer):
    """The policies of a practice or a provider, and the policies in effect."""

    example = {
        "version": 2,
        "policies": {"minimum_notice_minutes": 1440, "client_cancellation": "allowed"},
        "effective": {
            "minimum_notice_minutes": 1440,
            "maximum_advance_days": 60,
            "confirmation": "instant",
            "clients_may_schedule": True,
            "new_clients_may_schedule": True,
            "active_clients_may_schedule": True,
            "inactive_clients_may_schedule": True,
            "client_cancellation": "allowed",
            "late_cancellation_minutes": 1440,
            "hold_minutes": 5,
        },
    }

    version: int
    policies: Policies
    effective: Policies
