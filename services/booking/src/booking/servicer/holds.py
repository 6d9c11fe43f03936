"""HoldService: time set aside while a form is filled in (spec BK-3)."""

from datetime import datetime
from functools import partial
from uuid import UUID

import grpc
from sqlalchemy.orm import Session

from attune.booking.v1.hold_service_pb2 import (
    CreateHoldRequest,
    CreateHoldResponse,
    ReleaseHoldRequest,
    ReleaseHoldResponse,
)
from attune.booking.v1.hold_service_pb2_grpc import HoldServiceServicer
from booking import messages
from booking.actions import holds
from booking.domain.terms import Terms
from booking.servicer.parse import NAME
from booking.servicer.slots import SlotRequests, StatusQuery
from booking.store import clients
from booking.store import holds as stored
from common import ids, validation
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database, confine
from common.rpc.access import allow
from common.rpc.identity import Identity, caller


class HoldServicer(HoldServiceServicer):
    """Form holds."""

    def __init__(self, database: Database, slots: SlotRequests, clock: Clock) -> None:
        self._database = database
        self._slots = slots
        self._clock = clock

    @allow("holds:create")
    def CreateHold(
        self, request: CreateHoldRequest, context: grpc.ServicerContext
    ) -> CreateHoldResponse:
        """Hold a start. Raises SlotTaken, or Refused with the first failing rule."""
        visitor = validation.line(request.visitor_id, "visitor_id", NAME)

        def create(session: Session, terms: Terms, start: datetime) -> CreateHoldResponse:
            row, revision = holds.create(session, terms, start, visitor, self._clock.now())
            end = start + terms.duration
            return CreateHoldResponse(hold=messages.hold(row, start, end, revision))

        statuses = _statuses(caller())
        return self._slots.fulfill(request, CreateHoldResponse, statuses, create)

    @allow("holds:create")
    def ReleaseHold(
        self, request: ReleaseHoldRequest, context: grpc.ServicerContext
    ) -> ReleaseHoldResponse:
        """Release the visitor's own hold; the revision is empty if there is none."""
        visitor = validation.line(request.visitor_id, "visitor_id", NAME)
        hold_id = ids.parse(request.hold_id, "hold_id")
        with self._database.transaction(EVERY_PRACTICE) as session:
            row = stored.find(session, hold_id, visitor)
            if row is None:
                return ReleaseHoldResponse()
            confine(session, row.practice_id)
            revision = holds.release(session, row.practice_id, hold_id)
        return ReleaseHoldResponse(revision=str(revision) if revision else "")


def _statuses(who: Identity) -> StatusQuery | None:
    """Return the query for the statuses of a client who has signed in."""
    if not who.client_id or not who.practice_id:
        return None
    return partial(
        clients.statuses_of, practice_id=UUID(who.practice_id), client_id=UUID(who.client_id)
    )
