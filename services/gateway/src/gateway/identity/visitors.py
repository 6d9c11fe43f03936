"""Visitors: callers without a signed-in person, each with an opaque id that owns its holds."""

import re
import secrets
from datetime import timedelta

from flask import Response, g, request

from common.errors import Invalid
from gateway.identity import signing
from gateway.web import cookies

COOKIE = "attune_visitor"
HEADER = "X-Visitor-Id"
ID = "[A-Za-z0-9_-]{16,64}"
_KEPT = timedelta(days=1)  # a hold lasts minutes


def visitor_id(request_id: str = "") -> str:
    """Return the id from the header or the cookie, else a new one (`remember` sets its cookie).

    The new one follows from `request_id`, the idempotency key of the request. Who repeats a request
    whose answer was lost, and with it the cookie, is then the same visitor again.
    """
    if "visitor_id" not in g:
        new = signing.code("visitor", request_id) if request_id else secrets.token_urlsafe(24)
        g.visitor_id = _sent() or new
    return str(g.visitor_id)


def remember(response: Response) -> Response:
    """Set the cookie of a new visitor."""
    new = g.get("visitor_id")
    if new and new not in (cookies.read(COOKIE), request.headers.get(HEADER)):
        cookies.set_on(response, COOKIE, new, _KEPT)
    return response


def _sent() -> str:
    if header := request.headers.get(HEADER, ""):
        if not re.fullmatch(ID, header):
            raise Invalid("A visitor id is 16 to 64 letters, digits, - and _.", field=HEADER)
        return header
    cookie = cookies.read(COOKIE)
    return cookie if re.fullmatch(ID, cookie) else ""
