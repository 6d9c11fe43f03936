"""What happens to bookings becomes notices, which are sent as jobs (spec NT-1, NT-3)."""

from uuid import UUID

from attune.booking.v1 import events_pb2 as happened
from common import telemetry
from common.jobs.schedule import schedule
from common.messaging.consumer import EventContext, Handlers
from notifications import jobs, store
from notifications.domain import notices
from notifications.domain.notices import BOTH, CLIENT, PROVIDER, Kind, Recipient

handlers = Handlers()


@handlers.on(happened.BookingRequested)
def requested(event: happened.BookingRequested, context: EventContext) -> None:
    """Tell both sides of a request."""
    _queue(context, event.booking, Kind.BOOKING_REQUESTED, BOTH)


@handlers.on(happened.BookingConfirmed)
def confirmed(event: happened.BookingConfirmed, context: EventContext) -> None:
    """Tell those who do not know it of a confirmation."""
    _queue(context, event.booking, Kind.BOOKING_CONFIRMED, notices.told_of_confirmation(event))


@handlers.on(happened.BookingDeclined)
def declined(event: happened.BookingDeclined, context: EventContext) -> None:
    """Tell the client that a request was declined."""
    _queue(context, event.booking, Kind.BOOKING_DECLINED, CLIENT)


@handlers.on(happened.BookingExpired)
def expired(event: happened.BookingExpired, context: EventContext) -> None:
    """Tell the client that nobody answered a request in time."""
    _queue(context, event.booking, Kind.BOOKING_EXPIRED, CLIENT)


@handlers.on(happened.BookingCancelled)
def cancelled(event: happened.BookingCancelled, context: EventContext) -> None:
    """Tell the other side, or both, of a cancellation."""
    _queue(context, event.booking, Kind.BOOKING_CANCELLED, notices.told_of_cancellation(event))


@handlers.on(happened.CancellationRequested)
def cancellation_requested(event: happened.CancellationRequested, context: EventContext) -> None:
    """Tell the provider that a client wants to cancel."""
    _queue(context, event.booking, Kind.CANCELLATION_REQUESTED, PROVIDER)


@handlers.on(happened.CancellationDeclined)
def cancellation_declined(event: happened.CancellationDeclined, context: EventContext) -> None:
    """Tell the client that the practice does not cancel."""
    _queue(context, event.booking, Kind.CANCELLATION_DECLINED, CLIENT)


def _queue(
    context: EventContext, fact: happened.BookingFact, kind: Kind, told: tuple[Recipient, ...]
) -> None:
    """Queue a notice for each recipient who was not told of this change of the booking before."""
    practice_id, booking_id = UUID(fact.practice_id), UUID(fact.booking_id)
    carrier: dict[str, str] = {}
    telemetry.inject(carrier)
    for recipient in told:
        added = store.add(
            context.session,
            practice_id=practice_id,
            booking_id=booking_id,
            kind=kind,
            recipient=recipient,
            version=fact.version,
            trace=carrier.get("traceparent", ""),
            now=context.now,
        )
        if added:
            key = jobs.key(booking_id, recipient)
            schedule(context.session, jobs.DELIVER, key, practice_id, context.now, now=True)
