"""Clients of the practice."""

from uuid import UUID

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from gateway import words
from gateway.api.paging import cursor_errors
from gateway.backends import clients as backend
from gateway.openapi.operation import Access, Operations, Tag
from gateway.openapi.types import PageQuery
from gateway.schemas import clients as schemas

clients = Operations("clients", Tag("Clients", "The people that the practice cares for."))


@clients.operation(
    "GET", "/clients", schemas.Clients, access=Access.STAFF, query=PageQuery, errors=(404,)
)
def list_clients(query: PageQuery) -> schemas.Clients:
    """List clients

    Returns clients in the order in which they were added.
    """
    with cursor_errors():
        page = backend.page(query.limit, query.cursor or "")
    return schemas.Clients(
        clients=[to_answer(client) for client in page.rows], next=page.next_token or None
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
    """Get a client

    Reading a client's details adds an entry to the audit trail.
    """
    return to_answer(backend.get(str(client_id)))


@clients.operation(
    "PATCH",
    "/clients/<uuid:client_id>",
    schemas.Client,
    access=Access.STAFF,
    body=schemas.BillingTypeChange,
    errors=(404, 409, 422),
)
def change_client(client_id: UUID, body: schemas.BillingTypeChange) -> schemas.Client:
    """Change a client's billing type

    Sets whether and how the client's sessions are billed.
    """
    billing_type = words.value(pb.BillingType, body.billing_type)
    return to_answer(backend.change_billing_type(str(client_id), billing_type))


def booked(booking: pb.Booking) -> schemas.BookedClient:
    """Return the client of a booking: as typed for it, with the record where that differs."""
    contact, record = booking.contact, booking.client
    return schemas.BookedClient(
        id=record.client_id,
        name=contact.name,
        email=contact.email,
        phone=contact.phone or None,
        timezone=contact.timezone,
        status=words.word(types.ClientStatus, record.status),
        billing_type=words.word(pb.BillingType, record.billing_type),
        record=(
            schemas.ClientRecord(name=record.name, email=record.email, phone=record.phone or None)
            if backend.differs(booking)
            else None
        ),
    )


def to_answer(client: pb.Client) -> schemas.Client:
    """Return a client as answers show it."""
    return schemas.Client(
        id=client.client_id,
        name=client.name,
        email=client.email,
        phone=client.phone or None,
        timezone=client.timezone,
        status=words.word(types.ClientStatus, client.status),
        billing_type=words.word(pb.BillingType, client.billing_type),
    )
