"""What protects every answer: known hosts only, no writes from strange pages, CORS for listed
origins alone, and the security headers (spec GW-14)."""

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from gateway import addresses, capacity, limits, sessions, visitors
from gateway.settings import settings

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=()"
    ),
}
_WITH_TOKEN = ("/manage/", "/join/", "/calendar/")
_STATIC = "/static/"
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Visitor-Id"
_EXPOSED_HEADERS = (
    "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After,"
    " X-Request-Id"
)


def register(app: Flask) -> None:
    """Protect every request and answer of the app."""
    app.before_request(_check)
    for finish in (_headers, _cors, limits.tell, visitors.remember):
        app.after_request(finish)


def _check() -> Response | None:
    if request.path in capacity.PROBES:
        return None  # asked by address, from within
    capacity.check()
    if not _host_is_known():
        raise BadRequest("This is not a host of this site.")
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return Response(status=HTTPStatus.NO_CONTENT)
    if not request.path.startswith(_STATIC):
        limits.limiter().request(addresses.caller())
    if request.method not in sessions.SAFE and not _comes_from_us():
        raise sessions.CrossSite
    return None


def _host_is_known() -> bool:
    known = settings().hosts
    return "*" in known or urlsplit(f"//{request.host}").hostname in known


def _comes_from_us() -> bool:
    """Whether a write comes from our own pages or from no page at all. Browsers say where it comes
    from, in headers that pages cannot set; whoever presents a token is not a browser that was
    tricked. Whether a cookie counts is judged where it is read (`gateway.sessions`)."""
    if sessions.presents_token():
        return True
    origin = request.headers.get("Origin")
    if origin in settings().origins:
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    scheme = "https" if settings().secure else request.scheme
    return origin is None or origin == f"{scheme}://{request.host}"


def _headers(response: Response) -> Response:
    is_page = response.mimetype == "text/html"
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else API_POLICY)
    secret = request.path.startswith(_WITH_TOKEN) or "token" in request.args
    headers.setdefault("Referrer-Policy", "no-referrer" if secret else "same-origin")
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
    if settings().secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _cors(response: Response) -> Response:
    """Listed origins may call the API with a token; cookies are never sent across sites."""
    if not settings().origins or not request.path.startswith("/api/"):
        return response
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin in settings().origins and origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"
    return response
