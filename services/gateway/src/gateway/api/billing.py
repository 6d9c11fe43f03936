"""What can be billed."""

from datetime import UTC

from attune.billing.v1 import billable_service_pb2 as rpc
from common import zones
from gateway import money, names, times
from gateway.api.bookings import provider_id, span
from gateway.api.operation import Access, Operations, paging
from gateway.backends import backends
from gateway.schemas import bookings as schemas

billing = Operations("billing", "What can be billed.")


@billing.operation(
    "GET",
    "/billables",
    schemas.Billables,
    access=Access.STAFF,
    query=schemas.BillablesQuery,
    errors=(404,),
)
def list_billables(query: schemas.BillablesQuery) -> schemas.Billables:
    """Completed sessions that can be billed, the newest first"""
    tz = zones.zone(query.tz)
    with paging():
        found = backends().billables.ListBillables(
            rpc.ListBillablesRequest(
                client_id=query.client or "",
                provider_id=provider_id(query.provider),
                **span(query.from_, query.to, tz),
                page_size=query.limit,
                page_token=query.cursor or "",
            )
        )
    return schemas.Billables(
        billables=[
            schemas.Billable(
                id=one.billable_id,
                booking=one.booking_id,
                client=one.client_id,
                provider=one.provider_id,
                kind=names.BILLABLE_KINDS.word(one.kind),
                amount=money.of(one.amount),
                service_time=times.text(times.instant(one.service_time), UTC),
            )
            for one in found.billables
        ],
        next=found.next_page_token or None,
    )
