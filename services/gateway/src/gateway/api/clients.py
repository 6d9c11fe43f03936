"""The practice's clients."""

from uuid import UUID

from attune.booking.v1 import client_service_pb2 as rpc
from gateway import names
from gateway.api.bookings import client_answer
from gateway.api.operation import Access, Operations, paging
from gateway.backends import backends
from gateway.schemas import bookings as schemas

clients = Operations("clients", "The practice's clients.")


@clients.operation(
    "GET", "/clients", schemas.Clients, access=Access.STAFF, query=schemas.PageQuery, errors=(404,)
)
def list_clients(query: schemas.PageQuery) -> schemas.Clients:
    """Clients, in the order in which they came"""
    with paging():
        found = backends().clients.ListClients(
            rpc.ListClientsRequest(page_size=query.limit, page_token=query.cursor or "")
        )
    return schemas.Clients(
        clients=[client_answer(client) for client in found.clients],
        next=found.next_page_token or None,
    )


@clients.operation(
    "GET",
    "/clients/<uuid:client_id>",
    schemas.Client,
    access=Access.STAFF,
    cached=True,
    errors=(404,),
)
def get_client(client_id: UUID) -> schemas.Client:
    """One client"""
    request = rpc.GetClientRequest(client_id=str(client_id))
    return client_answer(backends().clients.GetClient(request).client)


@clients.operation(
    "PATCH",
    "/clients/<uuid:client_id>",
    schemas.Client,
    access=Access.STAFF,
    body=schemas.BillingTypeChange,
    errors=(404, 409, 422),
)
def change_client(client_id: UUID, body: schemas.BillingTypeChange) -> schemas.Client:
    """Change how a client's sessions are billed"""
    request = rpc.UpdateClientRequest(
        client_id=str(client_id), billing_type=names.BILLING_TYPES.number(body.billing_type)
    )
    return client_answer(backends().clients.UpdateClient(request).client)
