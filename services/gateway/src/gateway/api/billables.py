"""Billables: completed sessions that can be billed."""

from datetime import UTC

from attune.billing.v1 import billable_service_pb2 as pb
from common import proto, zones
from gateway import times, words
from gateway.api import money
from gateway.api.paging import cursor_errors
from gateway.backends import billables as backend
from gateway.backends import providers
from gateway.openapi.operation import Access, Operations, Tag
from gateway.schemas import billables as schemas

billables = Operations("billables", Tag("Billing", "Completed sessions that can be billed."))


@billables.operation(
    "GET",
    "/billables",
    schemas.Billables,
    access=Access.STAFF,
    query=schemas.BillablesQuery,
    errors=(404,),
)
def list_billables(query: schemas.BillablesQuery) -> schemas.Billables:
    """List billable sessions

    Returns completed sessions that can be billed, newest first.
    """
    with cursor_errors():
        provider_id = providers.id_of(query.provider)
        start_from, start_before = times.period(query.from_, query.to, zones.zone(query.tz))
        page = backend.page(
            start_from=start_from,
            start_before=start_before,
            provider_id=provider_id,
            client_id=query.client or "",
            size=query.limit,
            token=query.cursor or "",
        )
    return schemas.Billables(
        billables=[_answer(billable) for billable in page.rows], next=page.next_token or None
    )


def _answer(billable: pb.Billable) -> schemas.Billable:
    return schemas.Billable(
        id=billable.billable_id,
        booking=billable.booking_id,
        client=billable.client_id,
        provider=billable.provider_id,
        kind=words.word(pb.BillableKind, billable.kind),
        amount=money.to_amount(billable.amount),
        service_time=times.text(proto.instant(billable.service_time), UTC),
    )
