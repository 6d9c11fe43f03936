"""ClientService: the clients of a practice."""

import grpc

from attune.booking.v1.booking_pb2 import BillingType
from attune.booking.v1.client_service_pb2 import (
    GetClientRequest,
    GetClientResponse,
    ListClientsRequest,
    ListClientsResponse,
    UpdateClientRequest,
    UpdateClientResponse,
)
from attune.booking.v1.client_service_pb2_grpc import ClientServiceServicer
from booking import messages
from booking.store import clients
from common import audit, ids, proto, validation
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class ClientServicer(ClientServiceServicer):
    """The clients of a practice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("clients:list")
    def ListClients(
        self, request: ListClientsRequest, context: grpc.ServicerContext
    ) -> ListClientsResponse:
        """List clients by creation, then id; clinicians see their own (spec CL-3)."""
        who, size = caller(), validation.page_size(request.page_size)
        with self._database.transaction(who.practice_id) as session:
            page = clients.page(session, who, request.page_token, size)
            audit.record(session, "client.list", client=[row.id for row in page.rows])
        return ListClientsResponse(
            clients=[messages.client(row) for row in page.rows], next_page_token=page.next_token
        )

    @allow("clients:read")
    def GetClient(
        self, request: GetClientRequest, context: grpc.ServicerContext
    ) -> GetClientResponse:
        """Return one client; clients who have signed in see themselves (spec CL-3)."""
        who = caller()
        with self._database.transaction(who.practice_id) as session:
            row = clients.get(session, ids.find(request.client_id), who, "clients:read")
            audit.record(session, "client.read", client=row.id)
        return GetClientResponse(client=messages.client(row))

    @allow("clients:change")
    def UpdateClient(
        self, request: UpdateClientRequest, context: grpc.ServicerContext
    ) -> UpdateClientResponse:
        """Change a client's billing type, which counts for later completed sessions."""
        billing_type = validation.choice(BillingType, request.billing_type, "billing_type")
        who, client_id = caller(), ids.find(request.client_id)
        with self._database.transaction(who.practice_id) as session:
            row = clients.get(session, client_id, who, "clients:change", lock=True)
            row.billing_type = proto.word(BillingType, billing_type)
            audit.record(session, "client.change", client=row.id)
        return UpdateClientResponse(client=messages.client(row))
