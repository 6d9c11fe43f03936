"""Bookings and their manage links, in booking."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from attune.booking.v1 import booking_service_pb2 as rpc
from attune.booking.v1.booking_pb2 import (
    Booking,
    BookingStatus,
    CancellationReason,
    ContactDetails,
)
from common import proto
from gateway.backends.slots import Query
from gateway.backends.stubs import stubs


class Details(NamedTuple):
    """The details that a client enters to book."""

    name: str
    email: str
    phone: str
    timezone: str
    note: str
    locale: str = ""
    """The language and region in which the client books, such as en-US."""


class Listed(NamedTuple):
    """A page of bookings, and the number of bookings of all pages if it was asked for."""

    rows: Sequence[Booking]
    next_token: str
    total: int


class ManageLink(NamedTuple):
    """The booking that a manage link opens, with its practice and client."""

    booking_id: str
    practice_id: str
    client_id: str


def create(
    query: Query,
    start: datetime,
    details: Details,
    *,
    hold_id: str,
    visitor_id: str,
    request_id: str,
) -> Booking:
    """Book a slot and return the booking.

    Raises Conflict with the reason SLOT_TAKEN, whose details have the `revision` that shows it;
    the failure of the first rule that refuses the slot; or REQUEST_ID_REUSED.
    """
    request = rpc.CreateBookingRequest(
        request_id=request_id,
        username=query.username,
        service=query.service,
        mode=query.mode,
        start_time=proto.timestamp(start),
        contact=ContactDetails(
            name=details.name,
            email=details.email,
            phone=details.phone,
            timezone=details.timezone,
            locale=details.locale,
        ),
        note=details.note,
        hold_id=hold_id,
        visitor_id=visitor_id,
    )
    return stubs().bookings.CreateBooking(request).booking


def get(booking_id: str) -> Booking:
    """Return a booking as the caller may see it. Raises NotFound."""
    return stubs().bookings.GetBooking(rpc.GetBookingRequest(booking_id=booking_id)).booking


def page(
    *,
    start_from: datetime | None = None,
    start_before: datetime | None = None,
    provider_id: str = "",
    client_id: str = "",
    statuses: Sequence[BookingStatus.ValueType] = (),
    needs_response: bool = False,
    newest_first: bool = False,
    count: bool = False,
    size: int = 0,
    token: str = "",
) -> Listed:
    """Return a page of bookings by start, without their history."""
    found = stubs().bookings.ListBookings(
        rpc.ListBookingsRequest(
            from_time=proto.timestamp(start_from) if start_from else None,
            to_time=proto.timestamp(start_before) if start_before else None,
            provider_id=provider_id,
            client_id=client_id,
            statuses=statuses,
            needs_response=needs_response,
            newest_first=newest_first,
            count=count,
            page_size=size,
            page_token=token,
        )
    )
    return Listed(found.bookings, found.next_page_token, found.total_count)


def cancel(
    booking_id: str,
    reason: CancellationReason.ValueType,
    reason_text: str,
    *,
    tell_client: bool | None = None,
    request_id: str,
) -> Booking:
    """Cancel a booking, or ask for its cancellation if the practice has to approve (spec CN-2)."""
    request = rpc.CancelBookingRequest(
        booking_id=booking_id,
        reason=reason,
        reason_text=reason_text,
        tell_client=tell_client,
        request_id=request_id,
    )
    return stubs().bookings.CancelBooking(request).booking


def confirm(booking_id: str, *, request_id: str) -> Booking:
    """Approve a request."""
    request = rpc.ConfirmBookingRequest(booking_id=booking_id, request_id=request_id)
    return stubs().bookings.ConfirmBooking(request).booking


def decline(booking_id: str, reason_text: str, *, request_id: str) -> Booking:
    """Decline a request."""
    request = rpc.DeclineBookingRequest(
        booking_id=booking_id, reason_text=reason_text, request_id=request_id
    )
    return stubs().bookings.DeclineBooking(request).booking


def decline_cancellation(booking_id: str, *, request_id: str) -> Booking:
    """Refuse the cancellation that a client asked for."""
    request = rpc.DeclineCancellationRequest(booking_id=booking_id, request_id=request_id)
    return stubs().bookings.DeclineCancellation(request).booking


def start(booking_id: str, *, request_id: str) -> Booking:
    """Record that the session has begun."""
    request = rpc.StartBookingRequest(booking_id=booking_id, request_id=request_id)
    return stubs().bookings.StartBooking(request).booking


def complete(booking_id: str, *, request_id: str) -> Booking:
    """Record that the session was held."""
    request = rpc.CompleteBookingRequest(booking_id=booking_id, request_id=request_id)
    return stubs().bookings.CompleteBooking(request).booking


def reopen(booking_id: str, *, version: int, request_id: str) -> Booking:
    """Undo the start or completion of a session, which led to this version of the booking.

    Raises Stale if the booking has another version.
    """
    request = rpc.ReopenSessionRequest(
        booking_id=booking_id, version=version, request_id=request_id
    )
    return stubs().bookings.ReopenSession(request).booking


def update_client(booking_id: str, *, request_id: str) -> Booking:
    """Put the contact details of a booking on the client's record."""
    request = rpc.UpdateClientFromBookingRequest(booking_id=booking_id, request_id=request_id)
    return stubs().bookings.UpdateClientFromBooking(request).booking


def resolve_manage_token(token: str) -> ManageLink:
    """Return the booking that a manage link opens. Only the gateway may call this. Raises
    NotFound."""
    request = rpc.ResolveManageTokenRequest(manage_token=token)
    found = stubs().bookings.ResolveManageToken(request)
    return ManageLink(found.booking_id, found.practice_id, found.client_id)
