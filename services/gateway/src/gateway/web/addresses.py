"""The address that a request comes from. Forwarding headers count only from our own proxies."""

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import request

from gateway.settings import Network, settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def caller() -> str:
    """Return the address under which a caller is counted.

    That is an IPv4 address, or the /64 network of an IPv6 address, since one household has a /64.
    """
    return _counted(exact(request.environ, settings().proxies))


def exact(environ: "WSGIEnvironment", proxies: tuple[Network, ...]) -> str:
    """Return the full address of the caller, for the audit; empty if it is unknown."""
    return _normalized(_farthest_trusted(environ, proxies))


def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Return whether `address` belongs to one of our own proxies."""
    if not proxies:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = parsed.ipv4_mapped if parsed.version == 6 and parsed.ipv4_mapped else parsed
    return any(plain in network for network in proxies)


@lru_cache(maxsize=4096)
def _counted(address: str) -> str:
    if ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False))


@lru_cache(maxsize=4096)
def _normalized(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return str(mapped or parsed).partition("%")[0]


def _farthest_trusted(environ: "WSGIEnvironment", proxies: tuple[Network, ...]) -> str:
    """Return the farthest address in the forwarding chain that a proxy of ours reported."""
    address: str = environ.get("REMOTE_ADDR", "")
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while forwarded and is_trusted(address, proxies):
        if not (before := forwarded.pop().strip()):
            break
        address = before
    return address
