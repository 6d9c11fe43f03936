"""Form tokens against cross-site request forgery (spec GW-14).

A token belongs to the session, or to the visitor if nobody is signed in.
"""

import base64
import secrets

from flask import request

from gateway.identity import signing, tokens, visitors
from gateway.web.protection import CrossSite

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"


def token() -> str:
    """Return a token for a form.

    It is masked differently each time, so that the size of a compressed page does not reveal it
    (BREACH).
    """
    return _masked(_digest(), secrets.token_bytes(signing.SIZE))


def is_valid() -> bool:
    """Return whether the form, or the header, carries a token of this session or visitor."""
    sent = request.form.get(FIELD) or request.headers.get(HEADER, "")
    try:
        mask = base64.urlsafe_b64decode(sent.encode())[: signing.SIZE]
    except ValueError:
        return False
    return len(mask) == signing.SIZE and signing.equal(sent, _masked(_digest(), mask))


def require() -> None:
    """Raise CrossSite unless `is_valid`."""
    if not is_valid():
        raise CrossSite


def _digest() -> bytes:
    return signing.digest("csrf", tokens.sent() or visitors.visitor_id())


def _masked(digest: bytes, mask: bytes) -> str:
    """Return the mask, followed by the digest under the mask."""
    hidden = bytes(a ^ b for a, b in zip(digest, mask, strict=True))
    return base64.urlsafe_b64encode(mask + hidden).decode()
