"""Session tokens: random text that a browser keeps in a cookie and other callers send as
`Authorization: Bearer`."""

import hashlib
import secrets

from gateway.web import authorization, cookies

COOKIE = "attune_session"


def new() -> str:
    """Return a new random token."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> bytes:
    """Return the form in which a token is stored."""
    return hashlib.sha256(token.encode()).digest()


def sent() -> str:
    """Return the token of this request, or an empty string. It need not belong to a session."""
    if authorization.has_token():
        scheme, token = authorization.scheme_and_token()
        return token if scheme == "bearer" else ""
    return cookies.read(COOKIE)
