"""What happened to bookings becomes notices; they are sent as due work (spec NT-1, NT-3)."""

from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1 import events_pb2 as happened
from common import telemetry
from common.clock import Clock
from common.jobs import due
from common.messaging.consumer import Handlers
from notifications import store, work
from notifications.domain import notices
from notifications.domain.notices import BOTH, CLIENT, PROVIDER, Kind, Recipient


def handlers(clock: Clock) -> Handlers:
    """Who hears of which event."""
    listening = Handlers()

    def tell(
        session: Session, fact: happened.BookingFact, kind: Kind, told: tuple[Recipient, ...]
    ) -> None:
        for recipient in told:
            _queue(session, clock, fact, kind, recipient)

    @listening.on(happened.BookingRequested)
    def requested(event: happened.BookingRequested, session: Session) -> None:
        tell(session, event.booking, Kind.BOOKING_REQUESTED, BOTH)

    @listening.on(happened.BookingConfirmed)
    def confirmed(event: happened.BookingConfirmed, session: Session) -> None:
        told = notices.told_of_confirmation(event)
        tell(session, event.booking, Kind.BOOKING_CONFIRMED, told)

    @listening.on(happened.BookingDeclined)
    def declined(event: happened.BookingDeclined, session: Session) -> None:
        tell(session, event.booking, Kind.BOOKING_DECLINED, CLIENT)

    @listening.on(happened.BookingExpired)
    def expired(event: happened.BookingExpired, session: Session) -> None:
        tell(session, event.booking, Kind.BOOKING_EXPIRED, CLIENT)

    @listening.on(happened.BookingCancelled)
    def cancelled(event: happened.BookingCancelled, session: Session) -> None:
        told = notices.told_of_cancellation(event)
        tell(session, event.booking, Kind.BOOKING_CANCELLED, told)

    @listening.on(happened.CancellationRequested)
    def cancellation_requested(event: happened.CancellationRequested, session: Session) -> None:
        tell(session, event.booking, Kind.CANCELLATION_REQUESTED, PROVIDER)

    @listening.on(happened.CancellationDeclined)
    def cancellation_declined(event: happened.CancellationDeclined, session: Session) -> None:
        tell(session, event.booking, Kind.CANCELLATION_DECLINED, CLIENT)

    return listening


def _queue(
    session: Session, clock: Clock, fact: happened.BookingFact, kind: Kind, recipient: Recipient
) -> None:
    now = clock.now()
    practice_id, booking_id = UUID(fact.practice_id), UUID(fact.booking_id)
    carrier: dict[str, str] = {}
    telemetry.inject(carrier)
    added = store.add(
        session,
        practice_id=practice_id,
        booking_id=booking_id,
        kind=kind,
        recipient=recipient,
        version=fact.version,
        trace=carrier.get("traceparent", ""),
        now=now,
    )
    if added:
        due.schedule(
            session, work.DELIVER, work.key(booking_id, recipient), practice_id, now, wake=True
        )
