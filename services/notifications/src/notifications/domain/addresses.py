"""Email addresses in the form that every mail server takes."""

import re

from common.errors import Refused

# Unquoted, and before the @ in ASCII: most servers refuse what needs SMTPUTF8.
_USUAL = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-]{1,64})@([^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,253})")
_DOT_ATOM = re.compile(r"[^.]+(\.[^.]+)*", re.ASCII)


class UnusableAddress(Refused):
    """There is no email address, or none that mail can be sent to."""


def mailable(address: str) -> str:
    """Return an address with its domain in ASCII. Raises UnusableAddress."""
    found = _USUAL.fullmatch(address)
    if not found or not found[1].isascii() or not _DOT_ATOM.fullmatch(found[1]):
        raise UnusableAddress
    try:
        return f"{found[1]}@{found[2].encode('idna').decode()}"
    except UnicodeError:
        raise UnusableAddress from None
