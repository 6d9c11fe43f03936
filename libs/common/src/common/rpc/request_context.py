"""The request that the current work belongs to, and the address that it came from.

Both travel in the metadata `attune-origin` next to the identity, so that the audit trail of every
service can name them (spec PF-8).
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import unquote

METADATA = "attune-origin"
_METADATA_TEXT = re.compile(r"([!-~]{1,200}) ([0-9A-Za-z.:%_-]{0,64})")


@dataclass(frozen=True)
class RequestContext:
    """The origin of the current work.

    `request` is the id of the request, event, or job that is being handled. `address` is the
    network address of the requester, and empty for background work of a service.
    """

    request: str = ""
    address: str = ""


_EMPTY = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("request_context", default=_EMPTY)


def current() -> RequestContext:
    """Return the context of the current work, which is empty outside any request."""
    return _current.get()


@contextlib.contextmanager
def of(request: str, address: str = "") -> Iterator[None]:
    """Do the work of the block under this request."""
    before = _current.set(RequestContext(request, address))
    try:
        yield
    finally:
        _current.reset(before)


def new_request() -> str:
    """Return a new request id."""
    return secrets.token_hex(16)


def to_metadata() -> str:
    """Return the current context as metadata for an outgoing call; empty if there is none."""
    text = f"{_current.get().request} {_current.get().address}"
    return text if _METADATA_TEXT.fullmatch(text) else ""


def from_metadata(text: str, peer: str) -> RequestContext:
    """Return the context that a caller sent.

    If the caller sent none, return a new request from `peer`, which gRPC writes as
    `ipv4:192.0.2.7:4711`.
    """
    if found := _METADATA_TEXT.fullmatch(text):
        return RequestContext(found[1], found[2])
    host = unquote(peer).partition(":")[2].rpartition(":")[0]
    return RequestContext(new_request(), host.strip("[]"))
