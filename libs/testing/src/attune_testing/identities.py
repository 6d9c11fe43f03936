"""Identities of callers, and the keys with which services sign them in tests."""

from common import ids
from common.rpc import identity
from common.services import GATEWAY, OPERATOR, SERVICES

_PAIRS = {name: identity.new_key_pair() for name in (*SERVICES, GATEWAY, OPERATOR)}
PUBLIC_KEYS = ",".join(f"{name}:{public}" for name, (_, public) in _PAIRS.items())


def signer(name: str = GATEWAY) -> identity.Signer:
    """Return the signer of a service."""
    return identity.Signer(name, _PAIRS[name][0])


def staff(
    practice_id: object, *roles: str, provider_id: object = "", account_id: object = ""
) -> identity.Identity:
    """Return an account of a practice, by default an owner's."""
    return identity.Identity(
        f"account:{account_id or ids.new()}",
        str(practice_id),
        frozenset(roles or ("owner",)),
        provider_id=str(provider_id),
    )


def client(practice_id: object, client_id: object, booking_id: object = "") -> identity.Identity:
    """Return a signed-in client or, with `booking_id`, a client with that booking's manage link."""
    return identity.Identity(
        f"client:{client_id}",
        str(practice_id),
        client_id=str(client_id),
        booking_id=str(booking_id),
    )


def service(name: str, practice_id: object = "") -> identity.Identity:
    """Return a service that acts for a practice."""
    return identity.Identity(f"service:{name}", str(practice_id))
