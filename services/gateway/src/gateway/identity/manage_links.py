"""Manage links: a client manages one booking without signing in (spec BK-8)."""

from flask import request

from attune.booking.v1 import booking_pb2
from common.errors import Invalid, NotFound, Unauthenticated
from common.rpc import identity
from common.rpc.identity import Identity
from common.services import GATEWAY
from gateway.backends import bookings
from gateway.web import authorization

PARAMETER = "token"
_GATEWAY = Identity(f"service:{GATEWAY}")


def sent_token() -> str:
    """Return the token in `Authorization: Manage` or `?token=`; empty if there is none."""
    scheme, token = authorization.scheme_and_token()
    return token if scheme == "manage" else request.args.get(PARAMETER, "")


def holder(token: str) -> Identity:
    """Return the identity of the client whom a link belongs to, limited to its booking.

    Raises Unauthenticated if the link is not valid.
    """
    with identity.acting_as(_GATEWAY):
        try:
            link = bookings.resolve_manage_token(token)
        except (NotFound, Invalid):
            raise Unauthenticated("This link isn't valid.") from None
    return Identity(
        f"client:{link.client_id}",
        link.practice_id,
        client_id=link.client_id,
        booking_id=link.booking_id,
    )


def client_of(booking: booking_pb2.Booking) -> Identity:
    """Return the identity of a booking's client, limited to that booking."""
    client_id = booking.client.client_id
    return Identity(
        f"client:{client_id}",
        booking.practice_id,
        client_id=client_id,
        booking_id=booking.booking_id,
    )
