"""Identities of callers: signed by the gateway, verified in every service (spec GW-13).

An identity travels as a JWT (EdDSA) in the metadata `attune-identity`. The gateway may sign any
identity; every other issuer only its own, `service:<name>`.
"""

import base64
import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common.errors import Unauthenticated

METADATA = "attune-identity"
LIFETIME = 60
"""Seconds that a token is valid: longer than any deadline, and too short to be worth stealing."""
ROLES = ("owner", "manager", "clinician", "supervisor")
_KINDS = ("visitor", "client", "account", "service")
_LEEWAY = 5


@dataclass(frozen=True)
class Identity:
    """A caller. `subject` is `visitor`, `client:<id>`, `account:<id>` or `service:<name>`."""

    subject: str
    practice_id: str = ""
    roles: frozenset[str] = frozenset()
    provider_id: str = ""  # set for the account of a clinician
    client_id: str = ""
    booking_id: str = ""  # set for a manage link, which opens this booking only
    scopes: frozenset[str] = frozenset()
    """The permissions that the caller is limited to; empty for all permissions of its roles."""

    @property
    def kind(self) -> str:
        """`visitor`, `client`, `account`, or `service`."""
        return self.subject.partition(":")[0]

    @property
    def is_staff(self) -> bool:
        return self.kind == "account"

    @property
    def is_service(self) -> bool:
        return self.kind == "service"


VISITOR = Identity("visitor")
_caller: ContextVar[Identity | None] = ContextVar("caller", default=None)
_token: ContextVar[str] = ContextVar("token", default="")


def caller() -> Identity:
    """Return the caller of the RPC being handled. Raises Unauthenticated outside any RPC."""
    identity = _caller.get()
    if identity is None:
        raise Unauthenticated
    return identity


def caller_or_none() -> Identity | None:
    """Return the caller of the RPC being handled, or None outside any RPC."""
    return _caller.get()


@contextlib.contextmanager
def acting_as(identity: Identity, token: str = "") -> Iterator[None]:
    """Make the calls of the block as `identity`.

    They carry `token`, the one that the caller sent, or a token that this process signs.
    """
    before = _caller.set(identity), _token.set(token)
    try:
        yield
    finally:
        _caller.reset(before[0])
        _token.reset(before[1])


class Signer:
    """Signs identities as one issuer; every process has one."""

    def __init__(self, issuer: str, key: str) -> None:
        self.issuer = issuer
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key))
        self._signed = lru_cache(maxsize=4096)(self._sign)

    def sign(self, identity: Identity) -> str:
        """Return a token that stays valid for at least half of LIFETIME. Tokens are cached."""
        return self._signed(identity, int(time.time()) // (LIFETIME // 2))

    def for_call(self) -> str:
        """Return the token for an outgoing call: the current caller's, or this service's own."""
        return _token.get() or self.sign(_caller.get() or Identity(f"service:{self.issuer}"))

    def _sign(self, identity: Identity, half: int) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": identity.subject,
            "prc": identity.practice_id,
            "rol": sorted(identity.roles),
            "prv": identity.provider_id,
            "cli": identity.client_id,
            "bkg": identity.booking_id,
            "scp": sorted(identity.scopes),
            "iat": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class Verifier:
    """Verifies tokens of the issuers in `keys`, written `gateway:BASE64,booking:BASE64`."""

    def __init__(self, keys: str) -> None:
        self._keys = {
            issuer: Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
            for issuer, _, key in (entry.strip().partition(":") for entry in keys.split(","))
        }
        self._verified = lru_cache(maxsize=4096)(self._verify)

    def verify(self, token: str) -> Identity:
        """Return the identity in a token. Raises Unauthenticated unless it is genuine and valid."""
        identity, expiry = self._verified(token)
        if expiry + _LEEWAY < time.time():
            raise Unauthenticated("The identity has expired.")
        return identity

    def _verify(self, token: str) -> tuple[Identity, int]:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
            claims = jwt.decode(
                token,
                self._keys[issuer],
                algorithms=["EdDSA"],
                leeway=_LEEWAY,
                options={"require": ["iss", "sub", "iat", "exp"]},
            )
            identity = _read(claims)
        except (jwt.InvalidTokenError, LookupError, TypeError, ValueError, AttributeError):
            raise Unauthenticated("The identity isn't valid.") from None
        if issuer != "gateway" and identity.subject != f"service:{issuer}":
            raise Unauthenticated("The identity isn't valid.")
        return identity, claims["exp"]


def _read(claims: dict[str, Any]) -> Identity:
    """Return the identity that claims describe. Raises ValueError unless a Signer may write them.

    In particular, ids must be UUIDs, so that no caller can name every practice (`*`), and the
    token must not live longer than LIFETIME.
    """
    identity = Identity(
        subject=claims["sub"],
        practice_id=claims.get("prc", ""),
        roles=frozenset(claims.get("rol", ())),
        provider_id=claims.get("prv", ""),
        client_id=claims.get("cli", ""),
        booking_id=claims.get("bkg", ""),
        scopes=frozenset(claims.get("scp", ())),
    )
    ids = identity.practice_id, identity.provider_id, identity.client_id, identity.booking_id
    for present in filter(None, ids):
        UUID(present)
    if identity.kind not in _KINDS or not identity.roles <= set(ROLES):
        raise ValueError(identity.kind)
    if claims["exp"] - claims["iat"] > LIFETIME:
        raise ValueError("exp")
    return identity


def new_key_pair() -> tuple[str, str]:
    """Return a new private and public key, in the form of IDENTITY_KEY and IDENTITY_KEYS."""
    key = Ed25519PrivateKey.generate()
    return (
        base64.b64encode(key.private_bytes_raw()).decode(),
        base64.b64encode(key.public_key().public_bytes_raw()).decode(),
    )
