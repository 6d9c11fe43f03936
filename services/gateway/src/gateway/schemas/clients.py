"""Clients."""

from typing import Literal

from gateway.openapi.types import Answer, Request

BillingType = Literal["cash", "insurance", "not_billed"]
ClientStatus = Literal["new", "active", "inactive"]


class BillingTypeChange(Request):
    """The billing type of a client."""

    billing_type: BillingType


class Client(Answer):
    """A client of the practice."""

    id: str
    name: str
    email: str
    phone: str | None = None
    timezone: str
    status: ClientStatus | None = None
    billing_type: BillingType | None = None


class Clients(Answer):
    """A page of clients."""

    clients: list[Client]
    next: str | None = None
