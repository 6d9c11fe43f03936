"""Load shedding (spec PF-13): beyond its capacity the gateway turns requests away at once.

A late answer is useless to a person who has given up.
"""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import request
from gunicorn.http.errors import ParseException

from common.errors import Unavailable
from common.resilience.bulkhead import Bulkhead
from gateway.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROBES = frozenset({"/healthz", "/readyz"})
THREADS_PER_REQUEST = 8
"""gunicorn's threads for each request at work: most of them hold a request that waits, the others
turn requests away."""
LARGEST_BODY = 64 * 1024
"""Bytes of a request's body, at most."""
_QUEUE_PER_REQUEST = 6
_WAIT_SHARE = 0.4  # of a request's time, to wait for its turn
_TURNED_AWAY = "attune.turned_away"


class Overloaded(Unavailable):
    """Too many requests right now. Try again shortly."""


class LoadShedder:
    """WSGI middleware that admits `web_threads` requests and queues six times as many.

    A request asks to be admitted once its body has arrived, so slow senders hold up no others.

    The application still answers the others, with Overloaded (`check`).
    """

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        most, turn = settings.web_threads, settings.request_seconds * _WAIT_SHARE
        self._bulkhead = Bulkhead(most, most * _QUEUE_PER_REQUEST, turn)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["PATH_INFO"] in PROBES:
            return self._app(environ, start_response)
        _receive_body(environ)
        try:
            self._bulkhead.acquire()
        except Unavailable:
            environ[_TURNED_AWAY] = True
            return self._app(environ, start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._bulkhead.release()


def _receive_body(environ: "WSGIEnvironment") -> None:
    """Receive the body, but no more of it than the application would read."""
    length = environ.get("CONTENT_LENGTH", "")
    is_chunked = environ.get("wsgi.input_terminated", False)
    if length.isdecimal() and 0 < int(length) <= LARGEST_BODY:
        most = int(length)
    elif is_chunked and not length:
        most = LARGEST_BODY + 1  # so that the application sees that there is more
    else:
        return
    try:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(most))
    except (ParseException, OSError) as error:
        environ["wsgi.input"] = _BrokenBody(error)


class _BrokenBody(io.RawIOBase):
    """A body that could not be received. The application meets the failure where it reads, and
    answers as it does to any other."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> int:
        raise self._failure


def check() -> None:
    """Raise Overloaded for a request that was turned away."""
    if _TURNED_AWAY in request.environ:
        raise Overloaded
