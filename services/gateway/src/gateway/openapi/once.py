"""Answers that are the same for everybody until the process ends."""

import hashlib
import threading
from collections.abc import Callable

from flask import Response, request


def made_once(make: Callable[[], bytes], content_type: str) -> Callable[[], Response]:
    """Return a view whose body `make` makes at the first request, with an ETag.

    Making it may take as long as hundreds of searches, so threads never make it side by side.
    """
    lock = threading.Lock()
    made: list[tuple[bytes, str]] = []

    def view() -> Response:
        with lock:
            if not made:
                body = make()
                made.append((body, hashlib.sha256(body).hexdigest()[:32]))
        body, etag = made[0]
        response = Response(body, content_type=content_type)
        response.headers["Cache-Control"] = "public, no-cache"
        response.set_etag(etag)
        response.make_conditional(request)
        return response

    return view
