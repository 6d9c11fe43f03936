"""Where a request comes from. What proxies say is believed only of our own."""

import ipaddress
from typing import TYPE_CHECKING

from flask import request

from gateway.settings import Network, settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def caller() -> str:
    """The caller's address: an IPv4 address, or the /64 of an IPv6 one, which is one household."""
    address = exact(request.environ, settings().proxies)
    if ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False))


def exact(environ: "WSGIEnvironment", proxies: tuple[Network, ...]) -> str:
    """The very address, for the audit; empty if there is none."""
    try:
        known = ipaddress.ip_address(_farthest(environ, proxies))
    except ValueError:
        return ""
    mapped = known.ipv4_mapped if known.version == 6 else None
    return str(mapped or known).partition("%")[0]


def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Whether this is one of our own proxies."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = known.ipv4_mapped if known.version == 6 and known.ipv4_mapped else known
    return any(plain in network for network in proxies)


def _farthest(environ: "WSGIEnvironment", proxies: tuple[Network, ...]) -> str:
    """The last address that was told by somebody we believe."""
    address: str = environ.get("REMOTE_ADDR", "")
    told = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while told and is_trusted(address, proxies):
        if not (before := told.pop().strip()):
            break
        address = before
    return address
