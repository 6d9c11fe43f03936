"""Email addresses in the form that every mail server takes."""

from common import emails
from common.errors import Invalid, Refused


class UnusableAddress(Refused):
    """There is no email address that mail can be sent to."""


def mailable(address: str) -> str:
    """Return an address with its domain in ASCII. Raises UnusableAddress."""
    try:
        return emails.parse(address, "email").mailable
    except Invalid:
        raise UnusableAddress from None
