"""Bookings."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import (
    Amount,
    Answer,
    Cursor,
    Email,
    Id,
    Instant,
    InstantText,
    Limit,
    Line,
    Mode,
    Named,
    Note,
    Query,
    Request,
    Slug,
    Timezone,
    UrlText,
    Version,
    When,
    text_like,
)
from gateway.schemas.clients import BookedClient

Status = Literal[
    "requested",
    "confirmed",
    "in_progress",
    "completed",
    "cancelled",
    "declined",
    "expired",
    "no_show",
]
PaymentStatus = Literal["not_billed", "due", "paid", "partly_paid", "refunded", "failed"]
CancellationReason = Literal[
    "client_request",
    "provider_ill",
    "provider_unavailable",
    "emergency",
    "booked_by_mistake",
    "other",
]
Locale = Annotated[
    str, text_like(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", "Use a language tag, such as en-US.")
]
Words = Annotated[Note, Field(max_length=2000)]


class ClientDetails(Request):
    """The client who books."""

    example = {
        "name": "Jane Roe",
        "email": "jane.roe@example.com",
        "phone": "+1 212 555 0123",
        "timezone": "America/New_York",
    }

    name: Named
    email: Email
    phone: Annotated[Line, Field(max_length=60)] | None = Field(
        None,
        description="With its country code, or a number of the practice's country. Required for a"
        " session by phone.",
    )
    timezone: Timezone
    locale: Locale | None = Field(
        None, description="The language and region of the client's emails, such as en-US."
    )


class NewBooking(Request):
    """A slot to book."""

    example = {
        "service": examples.SERVICE,
        "mode": "telehealth",
        "start": "2026-11-02T09:00:00-05:00",
        "client": ClientDetails.example,
        "note": "I would like to talk about sleep.",
    }

    service: Slug
    mode: Mode
    start: Instant
    client: ClientDetails
    note: Note | None = None
    hold: Id | None = None


class Cancellation(Request):
    """Why a booking is cancelled. Staff choose whether the client gets an email."""

    example = {"reason_text": "I have to travel that day."}

    reason: CancellationReason | None = Field(None, description="For staff. Default: `other`.")
    reason_text: Words | None = None
    tell_client: bool | None = None


class Refusal(Request):
    """The reason for declining a request."""

    example = {"reason_text": "I am away that week. Could you choose a later date?"}

    reason_text: Words | None = None


class Reopening(Request):
    """Which start or completion of a session to undo."""

    example = {"version": 3}

    version: Version


class ServiceLine(Answer):
    """A service on a booking, on the terms at the time of booking."""

    service: str
    title: str
    code: str
    duration_minutes: int
    price: Amount | None = None
    no_show_fee: Amount | None = None
    late_cancellation_fee: Amount | None = None


class Change(Answer):
    """A change of a booking."""

    at: InstantText
    by: Literal["client", "practice", "system"]
    change: str


class Booking(Answer):
    """An appointment. Times are in `timezone`: the client's for clients, else the provider's."""

    example = {
        "id": examples.BOOKING_ID,
        "status": "confirmed",
        "start": "2026-11-02T09:00:00-05:00",
        "end": "2026-11-02T09:50:00-05:00",
        "timezone": "America/New_York",
        "mode": "telehealth",
        "service": examples.SERVICE,
        "provider": examples.PROVIDER,
        "client": {
            "id": examples.CLIENT_ID,
            "name": "Jane Roe",
            "email": "jane.roe@example.com",
            "phone": "+12125550123",
            "timezone": "America/New_York",
        },
        "services": [
            {
                "service": examples.SERVICE,
                "title": "Therapy session",
                "code": "90834",
                "duration_minutes": 50,
                "price": {"minor_units": 15000, "currency": "USD"},
            }
        ],
        "note": "I would like to talk about sleep.",
        "client_may_cancel": True,
        "cancel_until": "2026-11-01T09:00:00-05:00",
        "cancellation_requested": False,
        "history": [
            {"at": "2026-10-26T10:03:21-04:00", "by": "client", "change": "confirmed"},
        ],
        "version": 1,
        "revision": "57.12",
        "created_at": "2026-10-26T10:03:21-04:00",
        "manage_url": f"https://attune.example/manage/{examples.TOKEN}",
        "join_url": f"https://attune.example/join/{examples.TOKEN}",
    }

    id: str
    status: Status
    start: InstantText
    end: InstantText
    timezone: str
    mode: Mode
    service: str
    provider: str
    client: BookedClient
    services: list[ServiceLine]
    address: str | None = None
    note: str | None = None
    client_may_cancel: bool
    cancel_until: InstantText | None = None
    cancellation_requested: bool
    cancelled_by: Literal["client", "practice"] | None = None
    cancellation_reason: CancellationReason | None = None
    reason_text: str | None = None
    payment_status: PaymentStatus | None = None
    reopen_until: InstantText | None = Field(
        None,
        description="Until when staff can undo the latest start or completion of the session.",
    )
    history: list[Change]
    version: int = Field(description="Rises with each change of the booking.")
    revision: str | None = None
    created_at: InstantText
    manage_url: UrlText | None = None
    join_url: UrlText | None = None


class BookingsQuery(Query):
    example = {
        "from": "2026-11-02",
        "to": "2026-11-08",
        "tz": "America/New_York",
        "status": ["confirmed", "requested"],
        "limit": 10,
    }

    from_: When | None = Field(None, alias="from", description="Start: a time, or a date in `tz`.")
    to: When | None = Field(
        None, description="End: a time (excluded), or a date in `tz` (included)."
    )
    tz: Timezone = Field("UTC", description="The time zone of `from` and `to` if they are dates.")
    provider: Slug | None = Field(
        None, description="Only bookings with this provider, by username."
    )
    client: Id | None = Field(None, description="Only bookings of this client, by id.")
    status: tuple[Status, ...] = Field(
        (),
        description="Only bookings with one of these statuses. Repeat the parameter for several.",
        max_length=8,
    )
    limit: Limit = 50
    cursor: Cursor | None = None


class Bookings(Answer):
    """A page of bookings by start. `history` is empty in lists."""

    example = {"bookings": [{**Booking.example, "history": []}]}

    bookings: list[Booking]
    next: str | None = None
