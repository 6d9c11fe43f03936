"""Billables."""

from typing import Literal

from pydantic import Field

from gateway.openapi.types import (
    Amount,
    Answer,
    Cursor,
    Id,
    InstantText,
    Number,
    Query,
    Slug,
    Timezone,
    When,
)


class BillablesQuery(Query):
    from_: When | None = Field(
        None, alias="from", description="By when the session began, as with bookings."
    )
    to: When | None = None
    tz: Timezone = Field("UTC", description="The zone that dates are in.")
    provider: Slug | None = Field(None, description="A username.")
    client: Id | None = Field(None, description="A client's id.")
    limit: Number = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


class Billable(Answer):
    """Something that can be put on an invoice."""

    id: str
    booking: str
    client: str
    provider: str = Field(description="The provider's id.")
    kind: Literal["session"]
    amount: Amount
    service_time: InstantText


class Billables(Answer):
    """A page of what can be billed, the newest first."""

    billables: list[Billable]
    next: str | None = None
