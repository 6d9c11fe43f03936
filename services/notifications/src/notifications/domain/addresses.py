"""E-mail addresses as every mail server takes them."""

import re

from common.errors import Refused

# Unquoted, and before the @ in ASCII: what needs SMTPUTF8 is refused by most servers.
_USUAL = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-]{1,64})@([^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,253})")
_DOT_ATOM = re.compile(r"[^.]+(\.[^.]+)*", re.ASCII)


class UnusableAddress(Refused):
    """There is no e-mail address, or none that mail can be sent to."""


def mailable(address: str) -> str:
    """The address with its domain in ASCII; raises UnusableAddress."""
    found = _USUAL.fullmatch(address)
    if not found or not found[1].isascii() or not _DOT_ATOM.fullmatch(found[1]):
        raise UnusableAddress
    try:
        return f"{found[1]}@{found[2].encode('idna').decode()}"
    except UnicodeError:
        raise UnusableAddress from None
