"""Compression of static files and of the pages that anybody may see.

Their one secret, the token of the form, is masked differently each time. Pages with other secrets
are not compressed: their size would reveal them (BREACH).
"""

import gzip
from functools import lru_cache

from flask import Response, request

_PUBLIC = frozenset({"static", "pages.landing", "pages.show_book", "pages.show_zones"})
_TYPES = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml"})
_LEVEL = 6


def compress(response: Response) -> Response:
    """Compress an answer if it may be compressed and the browser accepts gzip."""
    if request.endpoint not in _PUBLIC or response.mimetype not in _TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or not request.accept_encodings["gzip"]:
        return response
    is_file = request.endpoint == "static"
    response.direct_passthrough = False
    body = response.get_data()
    response.set_data(_file(body) if is_file else gzip.compress(body, _LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if etag := response.get_etag()[0]:
        response.set_etag(etag, weak=True)
    return response


@lru_cache(maxsize=32)
def _file(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)
