"""The projection of bookings as notices, compared with booking and repaired (spec PF-4).

A notice is due for the present state of each upcoming booking. Notices of earlier states, and of a
cancellation by the practice, whose choice whether to tell the client only the event has, are not
compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1.booking_fact_service_pb2 import BookingState
from attune.booking.v1.booking_pb2 import CANCELLED_BY_CLIENT, BookingStatus
from common import proto
from common.upkeep.facts import PAGE, BookingProjection
from notifications.actions import queueing
from notifications.domain import notices as rules
from notifications.domain.notices import BOTH, CLIENT, Kind, Recipient
from notifications.store import notices as store

_RECENT = timedelta(days=35)  # retention keeps notices for longer


class Due(NamedTuple):
    """A notice that the present state of a booking demands."""

    kind: Kind
    recipient: Recipient
    version: int


class Notices:
    """The notices of the present state of upcoming bookings."""

    name = "notices"
    past = timedelta(0)

    def compare(
        self, session: Session, states: Mapping[UUID, BookingState], now: datetime
    ) -> Mapping[UUID, str]:
        """Return the bookings that lack a notice, or whose notices name another provider."""
        found = {}
        queued = store.of_bookings(session, list(states))
        for booking_id, state in states.items():
            notices = queued.get(booking_id, [])
            there = {(n.kind, n.recipient, n.version) for n in notices}
            providers = {str(n.provider_id) for n in notices if n.provider_id}
            if any(due not in there for due in due_notices(state, now)):
                found[booking_id] = "missing"
            elif providers - {state.booking.provider_id}:
                found[booking_id] = "different"
        return found

    def known(self, session: Session, since: datetime, after: UUID) -> Sequence[tuple[UUID, UUID]]:
        """Return the next bookings with a notice that has yet to be sent."""
        return store.next_queued(session, after, PAGE)

    def lock(self, session: Session, state: BookingState) -> None:
        """Nothing to lock: a notice of a version is there once, whoever queues it."""

    def replace(self, session: Session, state: BookingState, now: datetime) -> bool:
        """Queue the notices that a booking lacks, as its events would have."""
        fact = state.booking
        booking_id, provider_id = UUID(fact.booking_id), UUID(fact.provider_id)
        store.set_provider(session, booking_id, provider_id)
        for due in due_notices(state, now):
            queueing.queue(
                session,
                practice_id=UUID(fact.practice_id),
                booking_id=booking_id,
                provider_id=provider_id,
                version=due.version,
                kind=due.kind,
                recipients=[due.recipient],
                now=now,
            )
        return True

    def drop(self, session: Session, booking_id: UUID, now: datetime) -> bool:
        """Leave the notices of a booking that does not exist: sending them fails by itself."""
        return False


def due_notices(state: BookingState, now: datetime) -> Iterator[Due]:
    """Yield the notices that the present state of a booking demands.

    A synthetic practice gets no notices.
    """
    fact, status = state.booking, proto.word(BookingStatus, state.booking.status)
    recent = proto.instant(state.update_time) > now - _RECENT
    if fact.synthetic or not recent or proto.instant(fact.start_time) <= now or not state.steps:
        return
    versions = {step.change: step.version for step in state.steps}
    recipients: dict[str, tuple[Kind, Sequence[Recipient]]] = {
        "requested": (Kind.BOOKING_REQUESTED, BOTH),
        "confirmed": (
            Kind.BOOKING_CONFIRMED,
            rules.recipients_of_confirmation(was_requested="requested" in versions),
        ),
        "declined": (Kind.BOOKING_DECLINED, CLIENT),
        "expired": (Kind.BOOKING_EXPIRED, CLIENT),
    }
    if state.cancelled_by == CANCELLED_BY_CLIENT:
        recipients["cancelled"] = (Kind.BOOKING_CANCELLED, BOTH)
    if status in recipients and status in versions:
        kind, people = recipients[status]
        for recipient in people:
            yield Due(kind, recipient, versions[status])


projection = BookingProjection(Notices())
