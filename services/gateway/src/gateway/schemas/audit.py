"""The audit trail."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import (
    Answer,
    Cursor,
    InstantText,
    Limit,
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
    text_like(r"^[A-Za-z0-9_.:-]*$", "Must be letters, digits, and any of _ . : -", 200),
]


class AuditQuery(Query):
    example = {"from": "2026-11-02", "to": "2026-11-02", "tz": "America/New_York", "limit": 10}

    from_: When | None = Field(None, alias="from", description="Start: a time, or a date in `tz`.")
    to: When | None = Field(
        None, description="End: a time (excluded), or a date in `tz` (included)."
    )
    tz: Timezone = Field("UTC", description="The time zone of `from` and `to` if they are dates.")
    subject: _Name = Field(
        "", description="Who acted: `account:<id>`, `client:<id>`, `service:booking`."
    )
    action: _Name = Field("", description="The action, such as `client.read`.")
    thing: _Name = Field("", description="The object, such as `booking:<id>`.")
    request: _Name = Field("", description="The request, by the `X-Request-Id` of its response.")
    service: Service | None = Field(None, description="Only entries of this service.")
    limit: Limit = 50
    cursor: Cursor | None = None


class Entry(Answer):
    """An action in the audit trail."""

    example = {
        "id": "019a3f53-1d2c-7a40-8f6b-2c9d0e7a5b31",
        "time": "2026-10-26T14:03:21.482913Z",
        "service": "booking",
        "subject": "account:019a3f4e-03d5-7b9c-a1f2-8e6d4c0b7a95",
        "action": "client.read",
        "things": [f"client:{examples.CLIENT_ID}"],
        "request": "8f0c2b7d5e914a63b1d7e2c09f6a4358",
        "address": "203.0.113.7",
        "position": 42,
    }

    id: str
    time: InstantText
    service: Service
    subject: str = Field(description="`account:<id>`, `client:<id>`, `visitor`, `service:<name>`.")
    action: str
    things: list[str] = Field(description="The objects, as `<kind>:<id>`.")
    request: str = Field(description="The request, event, or job that caused the action.")
    address: str | None = Field(None, description="The IP address of the caller.")
    position: int | None = Field(
        None, description="The position in the service's sealed chain; missing until sealed."
    )


class Entries(Answer):
    """A page of the audit trail."""

    example = {"entries": [Entry.example], "next": "eyJ0IjoxNzYxNDg3NDAxfQ"}

    entries: list[Entry]
    next: str | None = None
