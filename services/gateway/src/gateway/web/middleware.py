"""The outermost layer around every request: span and duration, request id and caller's address,
deadline, and an anonymous caller until the caller is authenticated."""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from common import telemetry
from common.resilience import deadline
from common.rpc import identity, request_context
from gateway.settings import Settings
from gateway.web import addresses

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "attune.route"  # set in the environ once the route is known
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"  # any other method, in spans and logs
REQUEST_ID = "X-Request-Id"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-.*")

_duration = telemetry.duration("http.server.request.duration", "Duration of HTTP requests")


class RequestMiddleware:
    """WSGI middleware around the application."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        self._apply_forwarded_scheme(environ)
        if "CONTENT_LENGTH" in environ:
            # Otherwise a body that ends too early would pass for a complete one.
            environ.pop("wsgi.input_terminated", None)
        sent = environ["REQUEST_METHOD"]
        method = sent if sent in METHODS else OTHER
        status = 500

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            named = [*headers, (REQUEST_ID, request_context.current().request)]
            return start_response(line, named, exc_info)

        deadline.begin(self._settings.request_seconds)
        try:
            with (
                telemetry.server_span(
                    method, _carrier(environ), {"http.request.method": method}
                ) as span,
                request_context.of(
                    _request_id(environ), addresses.exact(environ, self._settings.proxies)
                ),
                identity.acting_as(identity.VISITOR),
            ):
                try:
                    return self._app(environ, start)
                finally:
                    if span is not None:
                        _describe(span, method, environ.get(ROUTE, ""), status)
        finally:
            deadline.clear()
            _measure(environ, method, status, time.perf_counter() - began)

    def _apply_forwarded_scheme(self, environ: "WSGIEnvironment") -> None:
        forwarded = environ.get("HTTP_X_FORWARDED_PROTO")
        proxies = self._settings.proxies
        if forwarded and addresses.is_trusted(environ.get("REMOTE_ADDR", ""), proxies):
            environ["wsgi.url_scheme"] = "https" if forwarded.strip() == "https" else "http"


def _measure(environ: "WSGIEnvironment", method: str, status: int, seconds: float) -> None:
    """Record how long a request took, by OpenTelemetry's semantic conventions."""
    _duration.record(
        seconds,
        {
            "http.request.method": method,
            "http.response.status_code": status,
            "url.scheme": environ["wsgi.url_scheme"],
            **({"http.route": environ[ROUTE]} if ROUTE in environ else {}),
            **({"error.type": str(status)} if status >= 500 else {}),
        },
    )


def _describe(span: Any, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}".strip())
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        telemetry.fail(span, str(status))


def _request_id(environ: "WSGIEnvironment") -> str:
    """Return the trace id if the request has one, else a new id.

    The id connects the answer with logs, traces, and the audit.
    """
    sent = _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    return telemetry.current_trace_id() or (sent[1] if sent else request_context.new_request())


def _carrier(environ: "WSGIEnvironment") -> dict[str, str]:
    sent = environ.get("HTTP_TRACEPARENT")
    return {"traceparent": sent} if sent else {}
