"""The audit trail."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi.types import (
    Answer,
    Cursor,
    InstantText,
    Number,
    Query,
    Timezone,
    When,
    text_like,
)

Service = Literal[
    "availability",
    "booking",
    "telehealth-rooms",
    "notifications",
    "billing",
    "calendar-sync",
    "gateway",
]
_Name = Annotated[
    str,
    text_like(r"^[A-Za-z0-9_.:-]*$", "Only letters, digits and any of _ . : - are needed.", 200),
]


class AuditQuery(Query):
    from_: When | None = Field(
        None, alias="from", description="The first moment: an instant, or a date in `tz`."
    )
    to: When | None = Field(
        None, description="Up to here: an instant (not included) or a date in `tz` (included)."
    )
    tz: Timezone = Field("UTC", description="The zone that dates are in.")
    subject: _Name = Field("", description="Who: `account:<id>`, `client:<id>`, `service:booking`.")
    action: _Name = Field("", description="What: `client.read`, `session.start`.")
    thing: _Name = Field("", description="What it was done to: `client:<id>`, `booking:<id>`.")
    request: _Name = Field("", description="The id of a request: `X-Request-Id` of its answer.")
    service: Service | None = Field(None, description="The entries of one service alone.")
    limit: Number = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


class Entry(Answer):
    """An action: its subject, things, time, address, and request."""

    id: str
    time: InstantText
    service: Service
    subject: str = Field(description="`account:<id>`, `client:<id>`, `visitor`, `service:<name>`.")
    action: str
    things: list[str] = Field(description="What it was done to, as `<kind>:<id>`.")
    request: str = Field(description="The request, or the event or work that it was done for.")
    address: str | None = Field(None, description="Where the request came from.")
    position: int | None = Field(None, description="The place in the service's chain, if sealed.")


class Entries(Answer):
    """A page of the audit trail."""

    entries: list[Entry]
    next: str | None = None
