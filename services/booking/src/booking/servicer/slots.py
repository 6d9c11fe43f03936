"""Steps that CreateHold and CreateBooking share: fetching availability's terms for the slot,
releasing expired holds, and answering each request_id once (spec BK-4)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from attune.booking.v1.booking_service_pb2 import CreateBookingRequest
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest
from booking.actions import holds
from booking.adapters.availability import Availability
from booking.domain.terms import Terms
from booking.servicer import parse
from booking.store import clients
from booking.store import holds as stored
from common.db import idempotency
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DomainError
from common.rpc.identity import caller

Response = TypeVar("Response", bound=Message)
StatusQuery = Callable[[Session], Mapping[UUID, str]]
"""Reads the status of one person with each practice that knows them."""


def _owner(request: CreateHoldRequest | CreateBookingRequest) -> str:
    """Return whose idempotency keys count: an account's, a client's, or one visitor's own."""
    who = caller()
    if who.kind != "visitor" or not request.visitor_id:
        return who.subject
    return f"{who.subject}:{stored.visitor_index(request.visitor_id).hex()}"


class SlotRequests:
    """Fulfills requests for a slot."""

    def __init__(self, database: Database, availability: Availability) -> None:
        self._database = database
        self._availability = availability

    def fulfill(
        self,
        request: CreateHoldRequest | CreateBookingRequest,
        kind: type[Response],
        statuses: StatusQuery | None,
        act: Callable[[Session, Terms, datetime], Response],
        on_repeat: Callable[[Session, Response], None] = lambda _session, _earlier: None,
    ) -> Response:
        """Do `act` in a transaction under the terms of the requested slot, and return its answer.

        A repeated request gets the first answer, after `on_repeat`, even if its slot is no longer
        bookable. `statuses` is None for a person who is new to every practice.
        """
        idempotency.check(request.request_id)
        slot = parse.slot(request)
        scope = f"{type(request).__name__}:{_owner(request)}:{slot.username}"
        try:
            status = self._client_status(statuses, slot.username)
            terms = self._availability.check(slot, status)
        except DomainError:
            with self._database.transaction(EVERY_PRACTICE) as session:
                earlier = idempotency.recall(session, scope, request, kind)
                if earlier is None:
                    raise
                on_repeat(session, earlier)
            return earlier

        def once(session: Session) -> Response:
            claim = idempotency.claim(session, scope, request, kind)
            if claim.earlier:
                on_repeat(session, claim.earlier)
                return claim.earlier
            return claim.answer(act(session, terms, slot.start))

        return holds.clearing_expired(self._database, terms.practice_id, once)

    def _client_status(self, statuses: StatusQuery | None, username: str) -> str:
        """Return a person's status with a provider's practice (spec AV-16)."""
        if statuses is None:
            return clients.NEW
        with self._database.transaction(EVERY_PRACTICE) as session:
            known = statuses(session)
        if set(known.values()) <= {clients.NEW}:
            return clients.NEW
        return known.get(self._availability.practice_of(username), clients.NEW)
