"""What surrounds every request: its trace and its time, its id and where it comes from, its
deadline, and a caller who is nobody until somebody signs in."""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from common import telemetry
from common.resilience import deadline
from common.rpc import identity, request_context
from gateway import addresses
from gateway.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "attune.route"  # set in the environ once the route is known
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"  # any other method, in spans and logs
REQUEST_ID = "X-Request-Id"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-.*")

_duration = telemetry.meter.create_histogram(
    "http.server.request.duration", unit="s", description="Duration of HTTP requests"
)


class Surroundings:
    """WSGI middleware around the app."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        self._believe_proxy(environ)
        if "CONTENT_LENGTH" in environ:
            # So that a body which ends before its time is not taken for a whole one.
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
                    route = environ.get(ROUTE, "")
                    if span is not None:
                        span.update_name(f"{method} {route}".strip())
                        span.set_attribute("http.route", route)
                        span.set_attribute("http.response.status_code", status)
                        if status >= 500:
                            telemetry.fail(span, str(status))
        finally:
            deadline.clear()
            _duration.record(
                time.perf_counter() - began,
                {
                    "http.request.method": method,
                    "http.route": environ.get(ROUTE, ""),
                    "http.response.status_code": status,
                },
            )

    def _believe_proxy(self, environ: "WSGIEnvironment") -> None:
        told = environ.get("HTTP_X_FORWARDED_PROTO")
        proxies = self._settings.proxies
        if told and addresses.is_trusted(environ.get("REMOTE_ADDR", ""), proxies):
            environ["wsgi.url_scheme"] = "https" if told.strip() == "https" else "http"


def _request_id(environ: "WSGIEnvironment") -> str:
    """The id of the trace, if there is one, else a new one: it connects the answer with logs,
    traces and the audit."""
    sent = _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    return telemetry.current_trace_id() or (sent[1] if sent else request_context.new_request())


def _carrier(environ: "WSGIEnvironment") -> dict[str, str]:
    sent = environ.get("HTTP_TRACEPARENT")
    return {"traceparent": sent} if sent else {}
