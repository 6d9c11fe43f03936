"""Where a request comes from. What proxies say is believed only of our own."""

import ipaddress

from flask import request

from gateway.settings import Network, settings


def caller() -> str:
    """The caller's address: an IPv4 address, or the /64 of an IPv6 one, which is one household."""
    address = _farthest(request.remote_addr or "", settings().proxies)
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if known.version == 4:
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Whether this is one of our own proxies."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in proxies)


def _farthest(address: str, proxies: tuple[Network, ...]) -> str:
    """The last address that was told by somebody we believe."""
    told = request.headers.get("X-Forwarded-For", "").split(",")
    while told and is_trusted(address, proxies):
        if not (before := told.pop().strip()):
            break
        address = before
    return address
