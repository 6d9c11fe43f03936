"""What the gateway does at once. Beyond that it turns requests away instead of keeping them: late
answers are for people who have given up (spec PF-13)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import request

from common.errors import Unavailable
from common.resilience.bulkhead import Bulkhead
from gateway.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROBES = frozenset({"/healthz", "/readyz"})
THREADS_FOR_ONE = 8
"""gunicorn's threads for each request at work: some of them wait for their turn, the others say
at once that there is none."""
_QUEUE_FOR_ONE = 6
_WAITING = 0.4  # of a request's time, to wait for its turn
_TURNED_AWAY = "attune.turned_away"


class Overloaded(Unavailable):
    """There are too many requests at the moment; try again shortly."""


class Capacity:
    """WSGI middleware: so many requests at work, six times as many waiting. The app is told of
    the others, to answer them (`check`)."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        most, turn = settings.web_threads, settings.request_seconds * _WAITING
        self._bulkhead = Bulkhead(most, most * _QUEUE_FOR_ONE, turn)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["PATH_INFO"] in PROBES:
            return self._app(environ, start_response)
        try:
            self._bulkhead.acquire()
        except Unavailable:
            environ[_TURNED_AWAY] = True
            return self._app(environ, start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._bulkhead.release()


def check() -> None:
    """Raises Overloaded for a request that was turned away."""
    if _TURNED_AWAY in request.environ:
        raise Overloaded
