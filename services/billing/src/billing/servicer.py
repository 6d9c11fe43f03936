"""The RPCs of billing."""

from datetime import datetime
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attune.billing.v1 import billable_service_pb2 as pb
from attune.billing.v1.billable_service_pb2_grpc import (
    BillableServiceServicer,
    add_BillableServiceServicer_to_server,
)
from attune.common.v1.types_pb2 import Money
from billing import store
from billing.domain import BillableKind
from common import audit, ids, validation
from common.db import cursor
from common.db.database import Database
from common.errors import NotAllowed
from common.rpc import identity
from common.rpc.access import allow
from common.rpc.identity import Identity
from common.rpc.server import Servicers

_KINDS = {BillableKind.SESSION: pb.BILLABLE_KIND_SESSION}


class BillingServicer(BillableServiceServicer):
    """What can be billed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("billables:read")
    def ListBillables(
        self, request: pb.ListBillablesRequest, context: grpc.ServicerContext
    ) -> pb.ListBillablesResponse:
        """What can be billed, newest first (spec BL-4). Owners and managers see all of the
        practice's, clinicians that of their own sessions (spec CL-3)."""
        caller = identity.caller()
        wanted = _filter(request, caller)
        size = validation.page_size(request.page_size)
        after = cursor.place(request.page_token, "billables")
        with self._database.transaction(caller.practice_id) as session:
            found = store.billables(session, wanted, after, size + 1)
            page = found[:size]
            audit.record(
                session,
                "billable.list",
                billable=[row.id for row in page],
                client=[row.client_id for row in page],
            )
        response = pb.ListBillablesResponse(billables=map(_message, page))
        if len(found) > size:
            last = cursor.Place(page[-1].service_at, page[-1].id)
            response.next_page_token = last.token("billables")
        return response


def _filter(request: pb.ListBillablesRequest, caller: Identity) -> store.Filter:
    start, end = validation.span(request)
    return store.Filter(
        practice_id=UUID(caller.practice_id),
        client_id=_id(request.client_id, "client_id"),
        provider_id=_id(request.provider_id, "provider_id"),
        only_provider_id=_own_provider(caller),
        from_at=start,
        to_at=end,
    )


def _own_provider(caller: Identity) -> UUID | None:
    """Whose billables alone a clinician sees; None for those who see all."""
    if caller.sees_whole_practice:
        return None
    if not caller.provider_id:
        raise NotAllowed
    return UUID(caller.provider_id)


def _id(text: str, field: str) -> UUID | None:
    return ids.parse(text, field) if text else None


def _message(billable: store.Billable) -> pb.Billable:
    return pb.Billable(
        billable_id=str(billable.id),
        booking_id=str(billable.booking_id),
        client_id=str(billable.client_id),
        provider_id=str(billable.provider_id),
        kind=_KINDS[BillableKind(billable.kind)],
        amount=Money(minor_units=billable.amount, currency_code=billable.currency),
        service_time=_timestamp(billable.service_at),
    )


def _timestamp(at: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


def servicers(database: Database) -> Servicers:
    """Return the servicers of this service."""
    servicer = BillingServicer(database)
    return [
        (add_BillableServiceServicer_to_server, servicer),
    ]
