"""Bookings."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.openapi.types import (
    Amount,
    Answer,
    Cursor,
    Email,
    Id,
    Instant,
    InstantText,
    Line,
    Mode,
    Named,
    Note,
    Number,
    Query,
    Request,
    Slug,
    Timezone,
    UrlText,
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

    service: Slug
    mode: Mode
    start: Instant
    client: ClientDetails
    note: Note | None = None
    hold: Id | None = None


class Cancellation(Request):
    """The reason for a cancellation; staff choose whether the client gets an email."""

    reason: CancellationReason | None = Field(None, description="From staff alone; default: other.")
    reason_text: Words | None = None
    tell_client: bool | None = None


class Refusal(Request):
    """The reason for declining a request."""

    reason_text: Words | None = None


class ServiceLine(Answer):
    """A service on a booking, with the terms at the time of booking."""

    service: str
    title: str
    code: str
    duration_minutes: int
    price: Amount | None = None
    no_show_fee: Amount | None = None
    late_cancellation_fee: Amount | None = None


class Change(Answer):
    """One change of a booking."""

    at: InstantText
    by: Literal["client", "practice", "system"]
    change: str


class Booking(Answer):
    """One appointment. Times are in `timezone`: the client's for a client, else the provider's."""

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
    history: list[Change]
    revision: str | None = None
    created_at: InstantText
    manage_url: UrlText | None = None
    join_url: UrlText | None = None


class BookingsQuery(Query):
    from_: When | None = Field(
        None, alias="from", description="The first start: an instant, or a date in `tz`."
    )
    to: When | None = Field(
        None, description="Up to here: an instant (not included) or a date in `tz` (included)."
    )
    tz: Timezone = Field("UTC", description="The zone that dates are in.")
    provider: Slug | None = Field(None, description="A username.")
    client: Id | None = Field(None, description="A client's id.")
    status: tuple[Status, ...] = Field((), description="Any of these.", max_length=8)
    limit: Number = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


class Bookings(Answer):
    """A page of bookings by start, without their history."""

    bookings: list[Booking]
    next: str | None = None
