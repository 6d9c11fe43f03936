"""The RPCs of billing."""

from datetime import UTC, datetime
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attune.billing.v1 import billing_service_pb2 as pb
from attune.billing.v1.billing_service_pb2_grpc import BillingServiceServicer
from attune.common.v1.types_pb2 import Money
from billing import store
from billing.domain import BillableKind
from common import identity, ids
from common.database import Database
from common.errors import Invalid, NotAllowed
from common.identity import Identity, allow

_PAGE = 50
_LARGEST_PAGE = 200
_EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp())
_KINDS = {BillableKind.SESSION: pb.BILLABLE_KIND_SESSION}


class BillingServicer(BillingServiceServicer):
    """What can be billed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("owner", "manager", "clinician")
    def ListBillables(
        self, request: pb.ListBillablesRequest, context: grpc.ServicerContext
    ) -> pb.ListBillablesResponse:
        """What can be billed, newest first (spec BL-4). Owners and managers see all of the
        practice's, clinicians that of their own sessions (spec CL-3)."""
        caller = identity.caller()
        wanted = _filter(request, caller)
        size = _page_size(request.page_size)
        after = store.Cursor.decode(request.page_token) if request.page_token else None
        with self._database.transaction(caller.practice_id) as session:
            found = store.billables(session, wanted, after, size + 1)
        page = found[:size]
        response = pb.ListBillablesResponse(billables=map(_message, page))
        if len(found) > size:
            response.next_page_token = store.Cursor(page[-1].service_at, page[-1].id).encode()
        return response


def _filter(request: pb.ListBillablesRequest, caller: Identity) -> store.Filter:
    wanted = store.Filter(
        practice_id=UUID(caller.practice_id),
        client_id=_id(request.client_id, "client_id"),
        provider_id=_id(request.provider_id, "provider_id"),
        only_provider_id=_own_provider(caller),
        from_at=_instant(request.from_time, "from_time") if request.HasField("from_time") else None,
        to_at=_instant(request.to_time, "to_time") if request.HasField("to_time") else None,
    )
    if wanted.from_at and wanted.to_at and wanted.from_at > wanted.to_at:
        raise Invalid("The end is before the beginning", field="to_time", reason="ENDS_TOO_EARLY")
    return wanted


def _own_provider(caller: Identity) -> UUID | None:
    """Whose billables alone a clinician sees; None for those who see all."""
    if caller.sees_whole_practice:
        return None
    if not caller.provider_id:
        raise NotAllowed
    return UUID(caller.provider_id)


def _id(text: str, field: str) -> UUID | None:
    return ids.parse(text, field) if text else None


def _instant(timestamp: Timestamp, field: str) -> datetime:
    if not _EARLIEST <= timestamp.seconds < _LATEST or not 0 <= timestamp.nanos < 10**9:
        raise Invalid(
            "An instant lies in the years 2000 to 2100", field=field, reason="INVALID_TIME"
        )
    return timestamp.ToDatetime(UTC)


def _page_size(size: int) -> int:
    if not 0 <= size <= _LARGEST_PAGE:
        raise Invalid(
            f"A page has up to {_LARGEST_PAGE}", field="page_size", reason="INVALID_PAGE_SIZE"
        )
    return size or _PAGE


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
