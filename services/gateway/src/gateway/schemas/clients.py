"""Clients."""

from typing import Literal

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import Answer, Request

BillingType = Literal["cash", "insurance", "not_billed"]
ClientStatus = Literal["new", "active", "inactive"]


class BillingTypeChange(Request):
    """The billing type of a client."""

    example = {"billing_type": "insurance"}

    billing_type: BillingType


class Client(Answer):
    """A client of the practice."""

    example = {
        "id": examples.CLIENT_ID,
        "name": "Jane Roe",
        "email": "jane.roe@example.com",
        "phone": "+12125550123",
        "timezone": "America/New_York",
        "status": "new",
        "billing_type": "cash",
    }

    id: str
    name: str
    email: str
    phone: str | None = None
    timezone: str
    status: ClientStatus | None = None
    billing_type: BillingType | None = None


class ClientRecord(Answer):
    """What the practice has on record for a client."""

    example = {"name": "Jane Roe", "email": "jane.roe@example.com", "phone": "+12125550123"}

    name: str
    email: str
    phone: str | None = None


class BookedClient(Client):
    """The client of a booking, as typed for it."""

    record: ClientRecord | None = Field(
        None, description="For staff: the practice's record, where it differs."
    )


class Clients(Answer):
    """A page of clients."""

    example = {"clients": [Client.example]}

    clients: list[Client]
    next: str | None = None
