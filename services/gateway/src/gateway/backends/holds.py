"""Holds, in booking."""

from datetime import datetime

from attune.booking.v1 import hold_service_pb2 as rpc
from attune.booking.v1.booking_pb2 import Hold
from common import proto
from gateway.backends.slots import Query
from gateway.backends.stubs import stubs


def create(query: Query, start: datetime, *, visitor_id: str, request_id: str) -> Hold:
    """Set a slot aside for a visitor and return the hold.

    Raises Conflict with the reason SLOT_TAKEN, or the failure of the first rule that says no.
    """
    request = rpc.CreateHoldRequest(
        request_id=request_id,
        username=query.username,
        service=query.service,
        mode=query.mode,
        start_time=proto.timestamp(start),
        visitor_id=visitor_id,
    )
    return stubs().holds.CreateHold(request).hold


def release(hold_id: str, *, visitor_id: str) -> str:
    """Release a visitor's hold, if it still exists, and return the revision that shows it."""
    request = rpc.ReleaseHoldRequest(hold_id=hold_id, visitor_id=visitor_id)
    return stubs().holds.ReleaseHold(request).revision
