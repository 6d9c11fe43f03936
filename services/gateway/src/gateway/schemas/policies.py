"""Policies."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi.types import Answer, Integer, Request, Version

_YEAR = 365 * 24 * 60  # minutes
_MONTH = 30 * 24 * 60


class NewPolicies(Request):
    """Policies for booking. Those left out fall back to the practice's, or to the defaults."""

    minimum_notice_minutes: Annotated[Integer, Field(ge=0, le=_YEAR)] | None = None
    maximum_advance_days: (
        Annotated[Integer, Field(ge=0, le=3660, description="Zero: unlimited.")] | None
    ) = None
    confirmation: Literal["instant", "approval"] | None = None
    clients_may_schedule: bool | None = None
    new_clients_may_schedule: bool | None = None
    active_clients_may_schedule: bool | None = None
    inactive_clients_may_schedule: bool | None = None
    client_cancellation: Literal["allowed", "approval", "not_allowed"] | None = None
    late_cancellation_minutes: Annotated[Integer, Field(ge=0, le=_MONTH)] | None = None
    hold_minutes: Annotated[Integer, Field(ge=1, le=60)] | None = None


class PoliciesChange(Request):
    """All policies of a practice or a provider, which replace the present ones."""

    version: Version
    policies: NewPolicies


class Policies(Answer):
    """Policies for booking."""

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
    """The own policies of a practice or a provider, and the policies in effect."""

    version: int
    policies: Policies
    effective: Policies
