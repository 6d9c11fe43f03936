"""The RPCs of BillableService."""

from uuid import UUID

import grpc

from attune.billing.v1 import billable_service_pb2 as pb
from attune.billing.v1.billable_service_pb2_grpc import (
    BillableServiceServicer,
    add_BillableServiceServicer_to_server,
)
from billing import messages
from billing.store import billables
from billing.store.billables import Filter
from billing.store.tables import Billable
from common import audit, ids, validation
from common.db.database import Database
from common.errors import NotAllowed
from common.rpc import access
from common.rpc.access import Reach, allow
from common.rpc.identity import caller
from common.rpc.server import Servicers


class BillableServicer(BillableServiceServicer):
    """Lists billable sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("billables:read")
    def ListBillables(
        self, request: pb.ListBillablesRequest, context: grpc.ServicerContext
    ) -> pb.ListBillablesResponse:
        """Return billable sessions, newest first (spec BL-4).

        Owners and managers see all billables of the practice, clinicians those of their own
        sessions (spec CL-3).
        """
        if access.require("billables:read") is Reach.OWN and not caller().provider_id:
            raise NotAllowed
        visible = access.rows(
            "billables:read",
            caller(),
            practice=Billable.practice_id,
            provider=Billable.provider_id,
        )
        wanted, size = _filter(request), validation.page_size(request.page_size)
        with self._database.transaction(caller().practice_id) as session:
            page = billables.page(session, visible, wanted, request.page_token, size)
            audit.record(
                session,
                "billable.list",
                billable=[row.id for row in page.rows],
                client=[row.client_id for row in page.rows],
            )
        return pb.ListBillablesResponse(
            billables=map(messages.billable, page.rows), next_page_token=page.next_token
        )


def _filter(request: pb.ListBillablesRequest) -> Filter:
    start, end = validation.span(request)
    return Filter(
        client_id=_id(request.client_id, "client_id"),
        provider_id=_id(request.provider_id, "provider_id"),
        from_at=start,
        to_at=end,
    )


def _id(text: str, field: str) -> UUID | None:
    return ids.parse(text, field) if text else None


def servicers(database: Database) -> Servicers:
    """Return the servicers of this service."""
    return [(add_BillableServiceServicer_to_server, BillableServicer(database))]
