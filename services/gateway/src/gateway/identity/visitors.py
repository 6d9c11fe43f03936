"""Visitors: callers without a signed-in person, each with an opaque id that owns its holds."""

import re
import secrets
from datetime import timedelta

from flask import Response, g, request

from common.errors import Invalid
from gateway.identity import signing
from gateway.web import addresses, cookies

COOKIE = "attune_visitor"
HEADER = "X-Visitor-Id"
ID = "[A-Za-z0-9_-]{16,64}"
_KEPT = timedelta(days=1)  # a hold lasts minutes


def visitor_id(request_id: str = "") -> str:
    """Return the id from the header or the cookie, else a new one (`remember` sets its cookie).

    With an idempotency key, the new id follows from `request_id`, the key, and from the caller's
    address. A caller who keeps no cookies and repeats a request whose answer was lost is then the
    same visitor again, and a stranger who guesses the key is another one.
    """
    if "visitor_id" not in g:
        g.visitor_id = _sent() or _new(request_id)
    return str(g.visitor_id)


def remember(response: Response) -> Response:
    """Set the cookie of a new visitor."""
    new = g.get("visitor_id")
    if new and new not in (cookies.read(COOKIE), request.headers.get(HEADER)):
        cookies.set_on(response, COOKIE, new, _KEPT)
    return response


def _new(request_id: str) -> str:
    if not request_id:
        return secrets.token_urlsafe(24)
    return signing.code("visitor", f"{addresses.caller()} {request_id}")


def _sent() -> str:
    if header := request.headers.get(HEADER, ""):
        if not re.fullmatch(ID, header):
            raise Invalid(
                "Must be 16 to 64 letters, digits, hyphens, or underscores.", field=HEADER
            )
        return header
    cookie = cookies.read(COOKIE)
    return cookie if re.fullmatch(ID, cookie) else ""
