"""Holds and bookings: from a slot to a session."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, url_for

from attune.booking.v1 import booking_pb2 as messages
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest, ReleaseHoldRequest
from attune.common.v1 import types_pb2 as types
from attune.telehealth_rooms.v1 import room_service_pb2 as rooms
from common import zones
from common.errors import DomainError, Invalid
from common.resilience import deadline
from common.rpc import identity
from common.rpc.identity import Identity
from common.validation import RangeReversed
from gateway import links, money, names, times, visitors
from gateway.api import providers
from gateway.api.operation import Access, Operations, encoded, json_response, paging, request_id
from gateway.api.providers import Wanted
from gateway.backends import backends
from gateway.problems import WithMembers
from gateway.schemas import access as problems
from gateway.schemas import bookings as schemas
from gateway.schemas import slots as slot_schemas
from gateway.settings import settings

SLOT_TAKEN = "SLOT_TAKEN"
ALTERNATIVES = 6
_FOR_THE_ROOM = 0.5  # of a call's time: an answer waits no longer for its join link

bookings = Operations("bookings", "Holds and bookings: from a slot to a session.")


def hold(request: CreateHoldRequest) -> messages.Hold:
    """Set a slot aside for this visitor. Errors: SLOT_TAKEN, or the first failing rule."""
    return backends().holds.CreateHold(request).hold


def book(request: rpc.CreateBookingRequest) -> messages.Booking:
    """Book a slot. Errors: SLOT_TAKEN, with the `revision` that shows it among its details; the
    first failing rule; REQUEST_ID_REUSED."""
    return backends().bookings.CreateBooking(request).booking


def nearest(wanted: Wanted, start: datetime, tz: ZoneInfo) -> list[dict[str, str]]:
    """The free slots nearest to one that was lost; none if availability is away."""
    try:
        found = providers.search_nearest(wanted, start, ALTERNATIVES)
    except DomainError:
        return []
    return times.slots(found.start_minutes, found.duration_minutes, tz)


def join_url(booking: messages.Booking, whose: Identity) -> str:
    """The way into a booking's video room for whoever it is; empty if there is none, or if rooms
    is away: a link is not worth failing for (spec PF-13)."""
    if (booking.mode, booking.status) != (
        types.MODE_TELEHEALTH,
        messages.BOOKING_STATUS_CONFIRMED,
    ) and booking.status != messages.BOOKING_STATUS_IN_PROGRESS:
        return ""
    try:
        with deadline.within(settings().call_seconds * _FOR_THE_ROOM), identity.acting_as(whose):
            room = backends().rooms.GetRoom(rooms.GetRoomRequest(booking_id=booking.booking_id))
    except DomainError:
        return ""
    return _join_link(room)


def client_of(booking: messages.Booking) -> Identity:
    """Whoever a booking is for, as far as that booking goes."""
    return Identity(
        f"client:{booking.client.client_id}",
        booking.practice_id,
        client_id=booking.client.client_id,
        booking_id=booking.booking_id,
    )


@bookings.operation(
    "POST",
    "/providers/<username>/holds",
    slot_schemas.Hold,
    status=201,
    body=slot_schemas.NewHold,
    errors=(404, 409, 422),
    conflict=problems.SlotTakenProblem,
    idempotent=True,
    headers=(visitors.HEADER,),
)
def create_hold(username: str, body: slot_schemas.NewHold) -> slot_schemas.Hold:
    """Set a slot aside while a form is filled in

    It lapses by itself. A browser is told apart by a cookie, another program by `X-Visitor-Id`;
    an earlier hold of the same visitor with the provider is released.
    """
    wanted = Wanted(username, body.service, names.MODES.number(body.mode))
    request = CreateHoldRequest(
        request_id=request_id(),
        username=username,
        service=wanted.service,
        mode=wanted.mode,
        start_time=times.stamp(body.start),
        visitor_id=visitors.visitor_id(),
    )
    tz = body.start.tzinfo or UTC
    try:
        made = hold(request)
    except DomainError as error:
        raise _failure(error, wanted, body.start, tz) from None
    return slot_schemas.Hold(
        hold=made.hold_id,
        expires_at=times.text(times.instant(made.expire_time), tz),
        start=times.text(times.instant(made.start_time), tz),
        end=times.text(times.instant(made.end_time), tz),
        revision=made.revision,
    )


@bookings.operation(
    "DELETE",
    "/providers/<username>/holds/<uuid:hold_id>",
    None,
    status=204,
    errors=(404,),
    headers=(visitors.HEADER,),
)
def release_hold(username: str, hold_id: UUID) -> None:
    """Let a hold go before it lapses

    A hold that is not there any more is no error.
    """
    backends().holds.ReleaseHold(
        ReleaseHoldRequest(hold_id=str(hold_id), visitor_id=visitors.visitor_id())
    )


@bookings.operation(
    "POST",
    "/providers/<username>/bookings",
    schemas.Booking,
    status=201,
    body=schemas.NewBooking,
    errors=(404, 409, 422),
    conflict=problems.SlotTakenProblem,
    idempotent=True,
    headers=(visitors.HEADER,),
)
def create_booking(username: str, body: schemas.NewBooking) -> Response:
    """Book a slot

    By the practice's policy it is confirmed at once or waits for the provider's approval; either
    way the time is taken from now on. Repeated with the same `Idempotency-Key`, it answers as the
    first time.
    """
    wanted = Wanted(username, body.service, names.MODES.number(body.mode))
    tz = zones.zone(body.client.timezone)
    request = rpc.CreateBookingRequest(
        request_id=request_id(),
        username=username,
        service=wanted.service,
        mode=wanted.mode,
        start_time=times.stamp(body.start),
        client=messages.Client(
            name=body.client.name,
            email=body.client.email,
            phone=body.client.phone or "",
            timezone=body.client.timezone,
        ),
        note=body.note or "",
        hold_id=body.hold or "",
        visitor_id=visitors.visitor_id() if body.hold else "",
    )
    try:
        made = book(request)
    except DomainError as error:
        raise _failure(error, wanted, body.start, tz) from None
    response = json_response(encoded(to_answer(made, client_of(made))), 201)
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
    """Bookings by start

    Clinicians see those of their own clients, owners and managers all of the practice's.
    """
    tz = zones.zone(query.tz)
    with paging():
        found = backends().bookings.ListBookings(
            rpc.ListBookingsRequest(
                **span(query.from_, query.to, tz),
                provider_id=provider_id(query.provider),
                client_id=query.client or "",
                statuses=[names.STATUSES.number(status) for status in query.status],
                page_size=query.limit,
                page_token=query.cursor or "",
            )
        )
    return schemas.Bookings(
        bookings=[_answer(booking, zones.zone(booking.timezone)) for booking in found.bookings],
        next=found.next_page_token or None,
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
    """One booking

    To whoever may see it: staff of the practice, or whoever has its manage link.
    """
    found = backends().bookings.GetBooking(rpc.GetBookingRequest(booking_id=str(booking_id)))
    return to_answer(found.booking, identity.caller())


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

    Where the practice approves clients' cancellations, a client's is only asked for.
    """
    reason = names.CANCELLATION_REASONS.number(body.reason)
    if identity.caller().is_staff:
        reason = reason or messages.CANCELLATION_REASON_OTHER
    request = rpc.CancelBookingRequest(
        request_id=request_id(),
        booking_id=str(booking_id),
        reason=reason,
        reason_text=body.reason_text or "",
        tell_client=body.tell_client,
    )
    return _changed(backends().bookings.CancelBooking(request))


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/confirm",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def confirm_booking(booking_id: UUID) -> schemas.Booking:
    """Approve a request"""
    request = rpc.ConfirmBookingRequest(request_id=request_id(), booking_id=str(booking_id))
    return _changed(backends().bookings.ConfirmBooking(request))


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
    """Decline a request, with a reason"""
    request = rpc.DeclineBookingRequest(
        request_id=request_id(), booking_id=str(booking_id), reason_text=body.reason_text or ""
    )
    return _changed(backends().bookings.DeclineBooking(request))


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/decline-cancellation",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def decline_cancellation(booking_id: UUID) -> schemas.Booking:
    """Refuse the cancellation that a client asked for"""
    request = rpc.DeclineCancellationRequest(request_id=request_id(), booking_id=str(booking_id))
    return _changed(backends().bookings.DeclineCancellation(request))


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/start",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def start_booking(booking_id: UUID) -> schemas.Booking:
    """The session has begun"""
    request = rpc.StartBookingRequest(request_id=request_id(), booking_id=str(booking_id))
    return _changed(backends().bookings.StartBooking(request))


@bookings.operation(
    "POST",
    "/bookings/<uuid:booking_id>/complete",
    schemas.Booking,
    access=Access.STAFF,
    errors=(404, 409, 422),
    idempotent=True,
)
def complete_booking(booking_id: UUID) -> schemas.Booking:
    """The session was held"""
    request = rpc.CompleteBookingRequest(request_id=request_id(), booking_id=str(booking_id))
    return _changed(backends().bookings.CompleteBooking(request))


@bookings.operation(
    "GET",
    "/bookings/<uuid:booking_id>/room",
    schemas.Room,
    access=Access.STAFF_OR_LINK,
    errors=(404, 422),
)
def get_room(booking_id: UUID) -> schemas.Room:
    """The way into the video room

    Of a confirmed telehealth booking; the link is the caller's own side's.
    """
    found = backends().rooms.GetRoom(rooms.GetRoomRequest(booking_id=str(booking_id)))
    room = found.room
    return schemas.Room(
        join_url=_join_link(found),
        start=times.text(times.instant(room.start_time), UTC),
        end=times.text(times.instant(room.end_time), UTC),
        opens_at=times.text(times.instant(room.open_time), UTC),
        closes_at=times.text(times.instant(room.close_time), UTC),
    )


def to_answer(booking: messages.Booking, viewer: Identity) -> schemas.Booking:
    """A booking as this viewer sees it, with the link into its room."""
    zone = booking.timezone if viewer.is_staff else booking.client.timezone
    return _answer(booking, zones.zone(zone or booking.timezone), join_url(booking, viewer))


def span(
    first: date | datetime | None, last: date | datetime | None, tz: ZoneInfo
) -> dict[str, Any]:
    """What a filter covers, as `from_time` and `to_time`: from an instant or the beginning of a
    date to an instant or the end of a date. Raises RangeReversed."""
    if first and last and type(first) is type(last) and last < first:
        raise RangeReversed(field="to")
    return {"from_time": _edge(first, tz, 0), "to_time": _edge(last, tz, 1)}


def _edge(when: date | datetime | None, tz: ZoneInfo, which: int) -> Any:
    if when is None or isinstance(when, datetime):
        return when and times.stamp(when)
    return _minute(times.window(when, when, tz)[which])


def provider_id(username: str | None) -> str:
    """The id behind a username; raises NotFound."""
    return providers.profile(username).provider.provider_id if username else ""


def _minute(minute: int) -> Any:
    return times.stamp(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))


def _changed(answer: Any) -> schemas.Booking:
    return to_answer(answer.booking, identity.caller())


def _failure(error: DomainError, wanted: Wanted, start: datetime, tz: Any) -> Exception:
    """The failure to raise: NotFound, whatever else is wrong, where there is no such provider; for
    a taken slot, with the nearest free ones."""
    if isinstance(error, Invalid):
        providers.profile(wanted.username)
    if error.reason != SLOT_TAKEN:
        return error
    seen = Wanted(wanted.username, wanted.service, wanted.mode, error.details.get("revision", ""))
    return WithMembers(error, {"alternatives": nearest(seen, start, tz)})


def _join_link(room: rooms.GetRoomResponse) -> str:
    """Services alone get both sides' tokens; people get one."""
    return links.join(room.client_token or room.provider_token)


def _answer(booking: messages.Booking, tz: ZoneInfo, join: str = "") -> schemas.Booking:
    until = booking.HasField("cancel_until_time")
    return schemas.Booking(
        id=booking.booking_id,
        status=names.STATUSES.word(booking.status),
        start=times.text(times.instant(booking.start_time), tz),
        end=times.text(times.instant(booking.end_time), tz),
        timezone=tz.key,
        mode=names.MODES.word(booking.mode),
        service=booking.service_lines[0].slug if booking.service_lines else "",
        provider=booking.username,
        client=client_answer(booking.client),
        services=_lines(booking.service_lines),
        address=booking.address or None,
        note=booking.note or None,
        client_may_cancel=booking.client_may_cancel,
        cancel_until=times.text(times.instant(booking.cancel_until_time), tz) if until else None,
        cancellation_requested=booking.cancellation_requested,
        cancelled_by=names.CANCELLED_BY.word(booking.cancelled_by),
        cancellation_reason=names.CANCELLATION_REASONS.word(booking.cancellation_reason),
        reason_text=booking.reason_text or None,
        payment_status=names.PAYMENT_STATUSES.word(booking.payment_status),
        history=_history(booking, tz),
        revision=booking.revision or None,
        created_at=times.text(times.instant(booking.create_time), tz),
        manage_url=links.manage(booking.manage_token) if booking.manage_token else None,
        join_url=join or None,
    )


def client_answer(client: messages.Client) -> schemas.Client:
    """A client as answers give them."""
    return schemas.Client(
        id=client.client_id,
        name=client.name,
        email=client.email,
        phone=client.phone or None,
        timezone=client.timezone,
        status=names.CLIENT_STATUSES.word(client.status),
        billing_type=names.BILLING_TYPES.word(client.billing_type),
    )


def _lines(lines: Sequence[messages.ServiceLine]) -> list[schemas.ServiceLine]:
    return [
        schemas.ServiceLine(
            service=line.slug,
            title=line.title,
            code=line.code,
            duration_minutes=line.duration_minutes,
            price=money.amount(line, "price"),
            no_show_fee=money.amount(line, "no_show_fee"),
            late_cancellation_fee=money.amount(line, "late_cancellation_fee"),
        )
        for line in lines
    ]


def _history(booking: messages.Booking, tz: ZoneInfo) -> list[schemas.Change]:
    return [
        schemas.Change.model_construct(
            at=times.text(times.instant(entry.change_time), tz),
            by=entry.actor,
            change=entry.change,
        )
        for entry in booking.history
    ]
