"""Projections of bookings: what services derived from booking's events, compared by its facts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import grpc
from sqlalchemy.orm import Session

from attune.booking.v1.booking_fact_service_pb2 import BookingState, ListBookingFactsRequest
from attune.booking.v1.booking_fact_service_pb2_grpc import BookingFactServiceStub
from common import proto
from common.db.database import EVERY_PRACTICE, Database
from common.upkeep.projections import Difference

PAGE = 200
"""Bookings that one call returns."""
SETTLES = timedelta(minutes=1)
"""How long the event of a change may be on its way before its absence counts as drift."""


class BookingFacts:
    """Booking's answers about the state of bookings of all practices."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._facts = BookingFactServiceStub(channel)

    def ending_after(self, instant: datetime) -> Iterator[Sequence[BookingState]]:
        """Yield the bookings that end after an instant, page by page. Raises Unavailable."""
        request = ListBookingFactsRequest(end_after_time=proto.timestamp(instant), page_size=PAGE)
        while True:
            page = self._facts.ListBookingFacts(request)
            yield page.states
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def of(self, booking_ids: Sequence[UUID]) -> dict[UUID, BookingState]:
        """Return these bookings, at most PAGE, as far as they exist. Raises Unavailable."""
        if not booking_ids:
            return {}
        request = ListBookingFactsRequest(booking_ids=map(str, booking_ids))
        found = self._facts.ListBookingFacts(request).states
        return {UUID(state.booking.booking_id): state for state in found}


class Copies(Protocol):
    """A service's copies of bookings, of the kind that one projection compares."""

    name: str
    past: timedelta
    """How long after their end bookings are compared."""

    def compare(
        self, session: Session, states: Mapping[UUID, BookingState], now: datetime
    ) -> Mapping[UUID, str]:
        """Return the bookings whose copies are not as their states demand: `missing`, `different`,
        or `extra`."""

    def known(self, session: Session, since: datetime, after: UUID) -> Sequence[tuple[UUID, UUID]]:
        """Return the next PAGE copies by booking id: the ids of booking and practice.

        Only copies that claim something about bookings which end after `since`.
        """

    def replace(self, session: Session, state: BookingState, now: datetime) -> bool:
        """Make the locked copy of a booking as its state demands."""

    def lock(self, session: Session, state: BookingState) -> None:
        """Lock the copy of a booking, so that events about it wait; add it if there is none."""

    def drop(self, session: Session, booking_id: UUID, now: datetime) -> bool:
        """Remove the copy of a booking that does not exist; return False to leave it."""


class BookingProjection:
    """A projection of bookings, for `common.upkeep.projections`."""

    source = "booking"

    def __init__(self, copies: Copies) -> None:
        self.name = copies.name
        self._copies = copies

    def differences(
        self, database: Database, source: grpc.Channel, now: datetime
    ) -> Iterator[Difference | None]:
        """Yield what differs: first by booking's list, then copies of bookings it does not have."""
        facts, since = BookingFacts(source), now - self._copies.past
        for page in facts.ending_after(since):
            settled = _by_id(s for s in page if proto.instant(s.update_time) < now - SETTLES)
            # An event may have been handled between booking's answer and this comparison.
            suspects = self._compare(database, settled, now)
            again = facts.of(list(suspects))
            for booking_id, kind in self._compare(database, again, now).items():
                if again[booking_id].booking.version == settled[booking_id].booking.version:
                    practice = again[booking_id].booking.practice_id
                    yield Difference(kind, practice, str(booking_id))
            yield None
        yield from self._extra(database, facts, since)

    def repair(
        self, database: Database, source: grpc.Channel, found: Difference, now: datetime
    ) -> bool:
        """Replace the copy of one booking by its present state."""
        facts, booking_id = BookingFacts(source), UUID(found.id)
        state = facts.of([booking_id]).get(booking_id)
        with database.transaction(found.practice_id) as session:
            if state is None:
                return self._copies.drop(session, booking_id, now)
            self._copies.lock(session, state)
            # Whatever was handled before the lock is in this answer; later events wait.
            latest = facts.of([booking_id])[booking_id]
            return self._copies.replace(session, latest, now)

    def _compare(
        self, database: Database, states: Mapping[UUID, BookingState], now: datetime
    ) -> Mapping[UUID, str]:
        if not states:
            return {}
        with database.transaction(EVERY_PRACTICE) as session:
            return self._copies.compare(session, states, now)

    def _extra(
        self, database: Database, facts: BookingFacts, since: datetime
    ) -> Iterator[Difference | None]:
        after = UUID(int=0)
        while True:
            with database.transaction(EVERY_PRACTICE) as session:
                known = self._copies.known(session, since, after)
            there = facts.of([booking_id for booking_id, _ in known])
            for booking_id, practice_id in known:
                if booking_id not in there:
                    yield Difference("extra", str(practice_id), str(booking_id))
            yield None
            if len(known) < PAGE:
                return
            after = known[-1][0]


def _by_id(states: Iterator[BookingState]) -> dict[UUID, BookingState]:
    return {UUID(state.booking.booking_id): state for state in states}
