"""The projection of completed sessions as bills, compared with booking and repaired (spec PF-4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1.booking_fact_service_pb2 import BookingState
from attune.booking.v1.booking_pb2 import BOOKING_STATUS_COMPLETED, PaymentStatus
from billing import actions, messages
from billing.store import billables, sessions
from billing.store.tables import Billable, BilledSession
from common import proto
from common.upkeep.facts import PAGE, BookingProjection

_UNBILLED = frozenset({"", "not_billed"})


class Bills:
    """The bills of completed sessions; and their payment status, which booking copies from here."""

    name = "bills"
    past = timedelta(days=35)

    def compare(
        self, session: Session, states: Mapping[UUID, BookingState], now: datetime
    ) -> Mapping[UUID, str]:
        """Return the bookings whose bills are not as they should be."""
        bills = billables.of_bookings(session, list(states))
        judged = sessions.of_bookings(session, list(states))
        found = {}
        for booking_id, state in states.items():
            kind = _difference(state, bills.get(booking_id), judged.get(booking_id))
            if kind:
                found[booking_id] = kind
        return found

    def known(self, session: Session, since: datetime, after: UUID) -> Sequence[tuple[UUID, UUID]]:
        """Return the next bills, by booking."""
        return billables.next_bookings(session, since, after, PAGE)

    def lock(self, session: Session, state: BookingState) -> None:
        """Lock the session of a booking."""
        sessions.lock(session, messages.booking_version(state.booking))

    def replace(self, session: Session, state: BookingState, now: datetime) -> bool:
        """Bill the session as the booking demands, and tell booking the payment status again."""
        completed = None
        if state.booking.status == BOOKING_STATUS_COMPLETED:
            completed = messages.completed_booking(state.booking)
        version = messages.booking_version(state.booking)
        actions.bill_again(session, version, completed, state.payment_version, now)
        return True

    def drop(self, session: Session, booking_id: UUID, now: datetime) -> bool:
        """Leave a bill without a booking to a person: the session may have taken place."""
        return False


def _difference(
    state: BookingState, bill: Billable | None, judged: BilledSession | None
) -> str | None:
    """Return how a bill differs from its booking, or None.

    The billing type is the client's present one, and decides nothing about earlier sessions.
    """
    is_completed = state.booking.status == BOOKING_STATUS_COMPLETED
    told = proto.word(PaymentStatus, state.payment_status)
    if not is_completed:
        return "different" if bill else None
    if bill is None:
        was_judged = judged is not None or told != ""
        return None if was_judged and told in _UNBILLED else "missing"
    price = state.booking.price
    if (bill.amount, bill.currency) != (price.minor_units, price.currency_code):
        return "different"
    if str(bill.client_id) != state.booking.client_id:
        return "different"
    return "different" if told in _UNBILLED else None


projection = BookingProjection(Bills())
