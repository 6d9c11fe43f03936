"""Clients of the practice, in booking."""

from attune.booking.v1 import client_service_pb2 as rpc
from attune.booking.v1.booking_pb2 import BillingType, Booking, Client
from common.db.cursor import Page
from gateway.backends.stubs import stubs


def page(size: int, token: str) -> Page[Client]:
    """Return a page of clients in the order in which they were added."""
    request = rpc.ListClientsRequest(page_size=size, page_token=token)
    found = stubs().clients.ListClients(request)
    return Page(found.clients, found.next_page_token)


def get(client_id: str) -> Client:
    """Return a client. Raises NotFound."""
    return stubs().clients.GetClient(rpc.GetClientRequest(client_id=client_id)).client


def change_billing_type(client_id: str, billing_type: BillingType.ValueType) -> Client:
    """Change how a client's sessions are billed, and return the client."""
    request = rpc.UpdateClientRequest(client_id=client_id, billing_type=billing_type)
    return stubs().clients.UpdateClient(request).client


def differs(booking: Booking) -> bool:
    """Return whether the contact details of a booking differ from the client's record.

    Only staff see the record. A number that was not typed does not count.
    """
    typed, record = booking.contact, booking.client
    if not record.name:
        return False
    return (typed.name, typed.email, typed.phone or record.phone) != (
        record.name,
        record.email,
        record.phone,
    )
