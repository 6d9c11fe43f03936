"""Who is calling: signed by the gateway, passed along, verified in every service (spec GW-13).

An identity travels as a JWT (EdDSA) in the metadata `attune-identity`. The gateway may speak for
anybody; every other issuer only for itself, as `service:<name>`.
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
LIFETIME = 60  # seconds; longer than any deadline, short enough to be useless when stolen
ROLES = ("owner", "manager", "clinician", "supervisor")
_KINDS = ("visitor", "client", "account", "service")
_LEEWAY = 5


@dataclass(frozen=True)
class Identity:
    """A caller. `subject` is `visitor`, `client:<id>`, `account:<id>` or `service:<name>`."""

    subject: str
    practice_id: str = ""
    roles: frozenset[str] = frozenset()
    provider_id: str = ""  # of an account that is a clinician
    client_id: str = ""
    booking_id: str = ""  # a manage link opens this booking alone
    scopes: frozenset[str] = frozenset()
    """The permissions that the caller is limited to; empty for all that its roles have."""

    @property
    def kind(self) -> str:
        """visitor, client, account or service."""
        return self.subject.partition(":")[0]

    @property
    def is_staff(self) -> bool:
        return self.kind == "account"

    @property
    def is_service(self) -> bool:
        return self.kind == "service"

    @property
    def sees_whole_practice(self) -> bool:
        """Owners, managers and services; clinicians see what is theirs (spec CL-3)."""
        return self.is_service or (self.is_staff and bool(self.roles & {"owner", "manager"}))


VISITOR = Identity("visitor")
_caller: ContextVar[Identity | None] = ContextVar("caller", default=None)
_token: ContextVar[str] = ContextVar("token", default="")


def caller() -> Identity:
    """The caller of the RPC being handled."""
    identity = _caller.get()
    if identity is None:
        raise Unauthenticated
    return identity


def caller_or_none() -> Identity | None:
    """The caller, or None outside any call."""
    return _caller.get()


@contextlib.contextmanager
def acting_as(identity: Identity, token: str = "") -> Iterator[None]:
    """Calls made inside are made as this identity: with the token that it came in with, which is
    passed along as it is, or signed by this process."""
    before = _caller.set(identity), _token.set(token)
    try:
        yield
    finally:
        _caller.reset(before[0])
        _token.reset(before[1])


class Signer:
    """Signs identities as one issuer."""

    def __init__(self, issuer: str, key: str) -> None:
        self.issuer = issuer
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key))
        self._signed = lru_cache(maxsize=4096)(self._sign)

    def sign(self, identity: Identity) -> str:
        """A token that is valid for at least half of LIFETIME more; signing is cached."""
        return self._signed(identity, int(time.time()) // (LIFETIME // 2))

    def for_call(self) -> str:
        """The token for a call made now: the caller's own, if there is one."""
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
    """Believes the issuers it holds public keys of."""

    def __init__(self, keys: str) -> None:
        self._keys = {
            issuer: Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
            for issuer, _, key in (entry.strip().partition(":") for entry in keys.split(","))
        }
        self._verified = lru_cache(maxsize=4096)(self._verify)

    def verify(self, token: str) -> Identity:
        """The identity in a token; raises Unauthenticated."""
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
            raise Unauthenticated("The identity is not valid.") from None
        if issuer != "gateway" and identity.subject != f"service:{issuer}":
            raise Unauthenticated("The identity is not valid.")
        return identity, claims["exp"]


def _read(claims: dict[str, Any]) -> Identity:
    """Whom claims describe. Raises ValueError unless they are what a Signer writes: an id is an
    id, so that nobody can be of every practice, and the token lives no longer than it should."""
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
    """A private and a public key, as they stand in the environment."""
    key = Ed25519PrivateKey.generate()
    return (
        base64.b64encode(key.private_bytes_raw()).decode(),
        base64.b64encode(key.public_key().public_bytes_raw()).decode(),
    )
