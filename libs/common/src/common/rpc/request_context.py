"""From where the work at hand comes, and under which request: told next to the identity and passed
along with it, so that every service's audit can say both (spec PF-8)."""

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import unquote

METADATA = "attune-origin"
_TOLD = re.compile(r"([!-~]{1,200}) ([0-9A-Za-z.:%_-]{0,64})")


@dataclass(frozen=True)
class Origin:
    """`request` is the id of a request, or of the event or due work that is being handled;
    `address` is that of whoever sent the request, empty for what a service does by itself."""

    request: str = ""
    address: str = ""


_NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def current() -> Origin:
    """That of the work at hand; empty outside any."""
    return _current.get()


@contextlib.contextmanager
def of(request: str, address: str = "") -> Iterator[None]:
    """What is done inside is done under this request."""
    before = _current.set(Origin(request, address))
    try:
        yield
    finally:
        _current.reset(before)


def new_request() -> str:
    """The id of a request that has none."""
    return secrets.token_hex(16)


def told() -> str:
    """The metadata by which the current one is passed along; empty if there is none."""
    text = f"{_current.get().request} {_current.get().address}"
    return text if _TOLD.fullmatch(text) else ""


def heard(text: str, peer: str) -> tuple[str, str]:
    """Request and address that a caller told, or, if it told nothing, a new request from the
    peer itself, given as gRPC does: `ipv4:192.0.2.7:4711`."""
    if found := _TOLD.fullmatch(text):
        return found[1], found[2]
    host = unquote(peer).partition(":")[2].rpartition(":")[0]
    return new_request(), host.strip("[]")
