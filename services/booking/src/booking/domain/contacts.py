"""A client's name, email, phone number, and zone, as typed and then checked and normalized.

Error texts never repeat what was typed.
"""

from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from common.errors import Invalid
from common.validation import line
from common.zones import zone

NAME = 200
_PHONE = 40
_EMAIL = 254


class InvalidEmail(Invalid):
    """This is not an e-mail address."""


class InvalidPhone(Invalid):
    """This is not a phone number in international form, such as +1 212 555 0100."""


@dataclass(frozen=True)
class Contact:
    """How a client can be reached, as typed for one booking."""

    name: str
    email: str
    phone: str
    """E.164, or empty."""
    timezone: str

    @property
    def email_key(self) -> str:
        """The text that is equal for equal addresses (spec CL-2)."""
        return self.email.casefold()


def contact(name: str, email: str, phone: str, timezone: str) -> Contact:
    """Return the normalized contact. Raises Invalid, with `client.name` or another field."""
    return Contact(
        name=line(name, "client.name", NAME),
        email=_email(email),
        phone=_phone(phone.strip()) if phone.strip() else "",
        timezone=zone(timezone, "client.timezone").key,
    )


def _email(text: str) -> str:
    if len(text) > 2 * _EMAIL:
        raise InvalidEmail(field="client.email")
    try:
        # "test environment" lets the reserved .test domains pass, for rehearsals.
        valid = validate_email(
            text.strip(), check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise InvalidEmail(field="client.email") from None
    return valid.normalized


def _phone(text: str) -> str:
    # Whose country a national number belongs to would be a guess: the zone may be a visitor's.
    if len(text) > _PHONE or not text.startswith("+"):
        raise InvalidPhone(field="client.phone")
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise InvalidPhone(field="client.phone") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidPhone(field="client.phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
