"""Browsers that have signed in to an account before.

Such a browser keeps a signed mark, and its failed sign-ins are counted separately. It keeps
access while an attacker at the same address is blocked.
"""

import secrets
from datetime import timedelta

from gateway.identity import signing
from gateway.web import cookies
from gateway.web.cookies import AnyResponse

COOKIE = "attune_device"
_KEPT = timedelta(days=180)


def known(email_index: bytes) -> str:
    """Return the mark of this browser if it has signed in to the account, else an empty string."""
    cookie = cookies.read(COOKIE)
    nonce = cookie.partition(".")[0]
    return nonce if nonce and signing.equal(cookie, _mark(nonce, email_index)) else ""


def remember(response: AnyResponse, email_index: bytes) -> AnyResponse:
    """Mark the browser as one that has signed in to the account."""
    mark = _mark(secrets.token_urlsafe(16), email_index)
    return cookies.set_on(response, COOKIE, mark, _KEPT)


def _mark(nonce: str, email_index: bytes) -> str:
    return f"{nonce}.{signing.code('device', f'{nonce} {email_index.hex()}')}"
