"""Billables of the practice, in billing."""

from datetime import datetime

from attune.billing.v1 import billable_service_pb2 as rpc
from attune.billing.v1.billable_service_pb2 import Billable
from common import proto
from common.db.cursor import Page
from gateway.backends.stubs import stubs


def page(
    *,
    start_from: datetime | None,
    start_before: datetime | None,
    provider_id: str,
    client_id: str,
    size: int,
    token: str,
) -> Page[Billable]:
    """Return a page of billables by the start of their session, the newest first."""
    found = stubs().billables.ListBillables(
        rpc.ListBillablesRequest(
            client_id=client_id,
            provider_id=provider_id,
            from_time=proto.timestamp(start_from) if start_from else None,
            to_time=proto.timestamp(start_before) if start_before else None,
            page_size=size,
            page_token=token,
        )
    )
    return Page(found.billables, found.next_page_token)
