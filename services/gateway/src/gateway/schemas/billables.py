"""Billables."""

from typing import Literal

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import (
    Amount,
    Answer,
    Cursor,
    Id,
    InstantText,
    Limit,
    Query,
    Slug,
    Timezone,
    When,
)


class BillablesQuery(Query):
    example = {"from": "2026-11-01", "to": "2026-11-30", "tz": "America/New_York", "limit": 10}

    from_: When | None = Field(
        None,
        alias="from",
        description="Start: a time, or a date in `tz`. By the start of the session.",
    )
    to: When | None = Field(
        None, description="End: a time (excluded), or a date in `tz` (included)."
    )
    tz: Timezone = Field("UTC", description="The time zone of `from` and `to` if they are dates.")
    provider: Slug | None = Field(
        None, description="Only sessions with this provider, by username."
    )
    client: Id | None = Field(None, description="Only sessions with this client, by id.")
    limit: Limit = 50
    cursor: Cursor | None = None


class Billable(Answer):
    """A session that can be billed."""

    example = {
        "id": "019a3f5a-77e1-7c03-9d28-4b6f1a0e8d57",
        "booking": examples.BOOKING_ID,
        "client": examples.CLIENT_ID,
        "provider": examples.PROVIDER_ID,
        "kind": "session",
        "amount": {"minor_units": 15000, "currency": "USD"},
        "service_time": "2026-11-02T14:00:00Z",
    }

    id: str
    booking: str
    client: str
    provider: str = Field(description="The provider's id.")
    kind: Literal["session"]
    amount: Amount
    service_time: InstantText


class Billables(Answer):
    """A page of billable sessions, newest first."""

    example = {"billables": [Billable.example]}

    billables: list[Billable]
    next: str | None = None
