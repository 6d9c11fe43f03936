"""Handlers for booking's events: they queue notices (spec NT-1)."""

from collections.abc import Iterable
from uuid import UUID

from attune.booking.v1 import booking_pb2
from attune.booking.v1 import events_pb2 as pb
from common.messaging.consumer import EventContext, Handlers
from notifications.actions import queueing
from notifications.domain import notices
from notifications.domain.notices import BOTH, CLIENT, PROVIDER, Kind, Recipient

handlers = Handlers()


@handlers.on(pb.BookingRequested)
def requested(event: pb.BookingRequested, context: EventContext) -> None:
    """Notify both sides of a request."""
    _queue(context, event.booking, Kind.BOOKING_REQUESTED, BOTH)


@handlers.on(pb.BookingConfirmed)
def confirmed(event: pb.BookingConfirmed, context: EventContext) -> None:
    """Notify both sides of a confirmation, except a provider who approved the request."""
    recipients = notices.recipients_of_confirmation(was_requested=event.was_requested)
    _queue(context, event.booking, Kind.BOOKING_CONFIRMED, recipients)


@handlers.on(pb.BookingDeclined)
def declined(event: pb.BookingDeclined, context: EventContext) -> None:
    """Notify the client that the request was declined."""
    _queue(context, event.booking, Kind.BOOKING_DECLINED, CLIENT)


@handlers.on(pb.BookingExpired)
def expired(event: pb.BookingExpired, context: EventContext) -> None:
    """Notify the client that nobody answered the request in time."""
    _queue(context, event.booking, Kind.BOOKING_EXPIRED, CLIENT)


@handlers.on(pb.BookingCancelled)
def cancelled(event: pb.BookingCancelled, context: EventContext) -> None:
    """Notify the other side, or both, of a cancellation."""
    recipients = notices.recipients_of_cancellation(
        by_client=event.cancelled_by == booking_pb2.CANCELLED_BY_CLIENT,
        tell_client=event.tell_client,
    )
    _queue(context, event.booking, Kind.BOOKING_CANCELLED, recipients)


@handlers.on(pb.CancellationRequested)
def cancellation_requested(event: pb.CancellationRequested, context: EventContext) -> None:
    """Notify the provider that the client wants to cancel."""
    _queue(context, event.booking, Kind.CANCELLATION_REQUESTED, PROVIDER)


@handlers.on(pb.CancellationDeclined)
def cancellation_declined(event: pb.CancellationDeclined, context: EventContext) -> None:
    """Notify the client that the practice does not cancel."""
    _queue(context, event.booking, Kind.CANCELLATION_DECLINED, CLIENT)


def _queue(
    context: EventContext, booking: pb.BookingFact, kind: Kind, recipients: Iterable[Recipient]
) -> None:
    """Queue notices of a change, except in a synthetic practice, where nobody reads them."""
    if booking.synthetic:
        return
    queueing.queue(
        context.session,
        practice_id=UUID(booking.practice_id),
        booking_id=UUID(booking.booking_id),
        provider_id=UUID(booking.provider_id) if booking.provider_id else None,
        version=booking.version,
        kind=kind,
        recipients=recipients,
        now=context.now,
    )
