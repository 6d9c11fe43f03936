"""Protection of every request and answer (spec GW-14): known hosts, the limit on requests, no
writes from pages of other sites, CORS for listed origins, and the security headers."""

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from common.errors import NotAllowed
from gateway.settings import settings
from gateway.web import addresses, authorization, load_shedding, rate_limits

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Permissions-Policy",
        "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=()",
    ),
)
_TLS_HEADERS = (("Strict-Transport-Security", "max-age=31536000"),)
_TOKEN_PATHS = ("/manage/", "/join/", "/calendar/")
_STATIC = "/static/"
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Visitor-Id"
_EXPOSED_HEADERS = (
    "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After,"
    " X-Request-Id"
)


class CrossSite(NotAllowed):
    """This request didn't come from one of our pages. Load the page again."""


def register(app: Flask) -> None:
    """Protect every request and answer of the app."""
    app.before_request(_check)
    app.after_request(_add_headers)
    app.after_request(_allow_listed_origins)


def _check() -> Response | None:
    if request.path in load_shedding.PROBES:
        return None  # the platform asks by address, from inside
    load_shedding.check()
    if not _is_known_host():
        raise BadRequest("Unknown host.")
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return Response(status=HTTPStatus.NO_CONTENT)
    if not request.path.startswith(_STATIC):
        rate_limits.limiter().count_request(addresses.caller())
    if request.method not in SAFE_METHODS and not _is_own_write():
        raise CrossSite
    return None


def _is_known_host() -> bool:
    known = settings().hosts
    return "*" in known or urlsplit(f"//{request.host}").hostname in known


def _is_own_write() -> bool:
    """Return whether a write comes from our own pages or from no page at all.

    Browsers name the origin of a write in headers that pages cannot set. A caller that presents a
    token is not a browser that was tricked. Whether a cookie counts is judged where it is read
    (`gateway.identity.sessions`).
    """
    if authorization.has_token():
        return True
    origin = request.headers.get("Origin")
    if origin in settings().origins:
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    scheme = "https" if settings().secure else request.scheme
    return origin is None or origin == f"{scheme}://{request.host}"


def _add_headers(response: Response) -> Response:
    is_page = response.mimetype == "text/html"
    has_secret = request.path.startswith(_TOKEN_PATHS) or "token" in request.args
    present = {name.lower() for name, _ in response.headers}
    for name, value in (
        ("Content-Security-Policy", PAGE_POLICY if is_page else API_POLICY),
        ("Referrer-Policy", "no-referrer" if has_secret else "same-origin"),
        *_HEADERS,
        ("Cache-Control", "no-store"),
        *(_TLS_HEADERS if settings().secure else ()),
    ):
        if name.lower() not in present:
            response.headers.add(name, value)
    return response


def _allow_listed_origins(response: Response) -> Response:
    """Let listed origins call the API with a token; cookies are never sent across sites."""
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
