"""Bookings: from a slot to a session."""

from uuid import UUID

from flask import Response, url_for

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import zones
from common.errors import DomainError
from common.rpc import identity
from gateway import times, words
from gateway.api import booking_answers, slot_failures, tags
from gateway.api.paging import cursor_errors
from gateway.backends import bookings as backend
from gateway.backends import providers
from gateway.backends.bookings import Details
from gateway.backends.slots import Query
from gateway.identity import manage_links, visitors
from gateway.openapi.operation import Access, Operations, encode, json_response, request_id
from gateway.schemas import bookings as schemas
from gateway.schemas.slots import SlotTakenProblem

bookings = Operations("bookings", tags.BOOKINGS)


@bookings.operation(
    "POST",
    "/providers/<username>/bookings",
    schemas.Booking,
    status=201,
    body=schemas.NewBooking,
    errors=(404, 409, 422),
    conflict=SlotTakenProblem,
    idempotent=True,
    headers=(visitors.HEADER,),
)
def create_booking(username: str, body: schemas.NewBooking) -> Response:
    """Book a slot

    Depending on the practice's policy, the booking is confirmed right away or waits for the
    provider's approval. Either way, the time is taken. If someone else was faster, the response is
    `409` with the nearest open slots.
    """
    query = Query(username, body.service, words.value(types.Mode, body.mode))
    client = body.client
    details = Details(
        client.name,
        client.email,
        client.phone or "",
        client.timezone,
        body.note or "",
        client.locale or "",
    )
    key = request_id()
    visitor_id = visitors.visitor_id(key) if body.hold or key else ""
    try:
        made = backend.create(
            query,
            body.start,
            details,
            hold_id=body.hold or "",
            visitor_id=visitor_id,
            request_id=key,
        )
    except DomainError as error:
        tz = zones.zone(client.timezone)
        raise slot_failures.with_alternatives(error, query, body.start, tz) from None
    answer = booking_answers.full(made, manage_links.client_of(made))
    response = json_response(encode(answer), 201)
    response.headers["Location"] = url_for("bookings.get_booking", booking_id=UUID(made.booking_id))
    return response


@bookings.operation(
    "GET",
    "/bookings",
    schemas.Bookings,
    access=Access.STAFF,
    query=schemas.BookingsQuery,
    errors=(404,),
)
def list_bookings(query: schemas.BookingsQuery) -> schemas.Bookings:
    """List bookings

    Returns bookings by start. Clinicians see bookings with their own clients. Owners and managers
    see all bookings of the practice.
    """
    start_from, start_before = times.period(query.from_, query.to, zones.zone(query.tz))
    with cursor_errors():
        page = backend.page(
            start_from=start_from,
            start_before=start_before,
            provider_id=providers.id_of(query.provider),
            client_id=query.client or "",
            statuses=[words.value(pb.BookingStatus, status) for status in query.status],
            size=query.limit,
            token=query.cursor or "",
        )
    return schemas.Bookings(
        bookings=[booking_answers.listed(booking) for booking in page.rows],
        next=page.next_token or None,
    )


@bookings.operation(
    "GET",
    "/bookings/<uuid:booking_id>",
    schemas.Booking,
    access=Access.STAFF_OR_LINK,
    cached=True,
    errors=(404,),
)
def get_booking(booking_id: UUID) -> schemas.Booking:
    """Get a booking

    For staff of the practice, or with the booking's manage link.
    """
    return booking_answers.full(backend.get(str(booking_id)), identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/cancel",
    schemas.Booking,
    access=Access.STAFF_OR_LINK,
    body=schemas.Cancellation,
    errors=(404, 409, 422),
    idempotent=True,
)
def cancel_booking(booking_id: UUID, body: schemas.Cancellation) -> schemas.Booking:
    """Cancel a booking

    If the practice approves cancellations, a client's call only requests the cancellation.
    """
    caller = identity.caller()
    reason = words.value(pb.CancellationReason, body.reason)
    if caller.is_staff:
        reason = reason or pb.CANCELLATION_REASON_OTHER
    cancelled = backend.cancel(
        str(booking_id),
        reason,
        body.reason_text or "",
        tell_client=body.tell_client,
        request_id=request_id(),
    )
    return booking_answers.full(cancelled, caller)


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/confirm",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def confirm_booking(booking_id: UUID) -> schemas.Booking:
    """Approve a booking request

    The client gets a confirmation by email.
    """
    changed = backend.confirm(str(booking_id), request_id=request_id())
    return booking_answers.full(changed, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/decline",
    schemas.Booking,
    access=Access.STAFF,
    body=schemas.Refusal,
    errors=(404, 409, 422),
    idempotent=True,
)
def decline_booking(booking_id: UUID, body: schemas.Refusal) -> schemas.Booking:
    """Decline a booking request

    Frees the time. The client gets an email with the reason, if there is one.
    """
    reason = body.reason_text or ""
    declined = backend.decline(str(booking_id), reason, request_id=request_id())
    return booking_answers.full(declined, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/decline-cancellation",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def decline_cancellation(booking_id: UUID) -> schemas.Booking:
    """Decline a cancellation request

    The booking stays as it is.
    """
    changed = backend.decline_cancellation(str(booking_id), request_id=request_id())
    return booking_answers.full(changed, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/update-client",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def update_client_from_booking(booking_id: UUID) -> schemas.Booking:
    """Update the client from a booking

    Puts the name, email, and phone number that were typed for this booking on the client's record.
    """
    changed = backend.update_client(str(booking_id), request_id=request_id())
    return booking_answers.full(changed, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/start",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def start_booking(booking_id: UUID) -> schemas.Booking:
    """Start a session

    Marks a confirmed booking as in progress, from 15 minutes before its start on.
    """
    changed = backend.start(str(booking_id), request_id=request_id())
    return booking_answers.full(changed, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/complete",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def complete_booking(booking_id: UUID) -> schemas.Booking:
    """Complete a session

    Marks the session as completed, so that it can be billed. Possible from its start on.
    """
    changed = backend.complete(str(booking_id), request_id=request_id())
    return booking_answers.full(changed, identity.caller())


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/reopen",
    schemas.Booking,
    access=Access.STAFF,
    body=schemas.Reopening,
    errors=(404, 409, 422),
    idempotent=True,
)
def reopen_session(booking_id: UUID, body: schemas.Reopening) -> schemas.Booking:
    """Reopen a session

    Undoes the latest start or completion, until `reopen_until`. A completed session is in progress
    again, or confirmed if it was never started, and is no longer billable. A session in progress is
    confirmed again. If the booking has changed since `version`, the response is `409`.
    """
    changed = backend.reopen(str(booking_id), version=body.version, request_id=request_id())
    return booking_answers.full(changed, identity.caller())
