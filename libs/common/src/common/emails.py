"""Email addresses: checked, compared, and written as mail servers accept them."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from common.errors import Invalid

LONGEST = 254
"""Characters of an address (RFC 5321 §4.5.3.1)."""
_LONGEST_TYPED = 2 * LONGEST
# Domains in some scripts have them between two letters (RFC 5892, appendix A): a domain without
# them is another one.
_JOINERS = "\u200c\u200d"
_STRAY_JOINERS = re.compile(rf"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])")


class InvalidEmail(Invalid):
    """Enter an email address, such as name@example.com."""


class UndeliverableEmail(Invalid):
    """Use only plain letters (A-Z), digits, and common symbols before the @."""


@dataclass(frozen=True)
class Email:
    """An address that mail can be sent to."""

    text: str
    """As a person typed it, without invisible characters."""
    normalized: str
    """With the domain in lower case and in Unicode."""
    mailable: str
    """With the domain in ASCII, by IDNA 2008 (RFC 5891)."""

    @property
    def key(self) -> str:
        """The text that is equal for equal addresses (spec CL-2)."""
        return self.mailable.lower()


def parse(text: str, field: str) -> Email:
    """Return the address that a person typed or pasted.

    Invisible characters, `mailto:`, and angle brackets around the address are removed. Raises
    InvalidEmail, or UndeliverableEmail if the part before the @ is not ASCII: few mail servers
    accept that (RFC 6531).
    """
    if len(text) > _LONGEST_TYPED:
        raise InvalidEmail(field=field)
    cleaned = _clean(text)
    try:
        # A "test environment" accepts the reserved .test domains, for rehearsals.
        found = validate_email(
            cleaned, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise InvalidEmail(field=field) from None
    if found.ascii_email is None:
        raise UndeliverableEmail(field=field)
    return Email(cleaned, found.normalized, found.ascii_email)


def _clean(text: str) -> str:
    normal = _STRAY_JOINERS.sub("", unicodedata.normalize("NFKC", text))
    visible = "".join(c for c in normal if unicodedata.category(c) != "Cf" or c in _JOINERS)
    bare = visible.strip()
    if bare[:7].lower() == "mailto:":
        bare = bare[7:]
    return bare.rstrip(".,;").removeprefix("<").removesuffix(">").strip()
