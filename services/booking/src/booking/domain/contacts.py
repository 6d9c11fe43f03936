"""How a client can be reached, as typed for one booking and then checked.

Error messages never quote the input.
"""

import re
from dataclasses import dataclass

from common import emails, phones
from common.emails import Email
from common.errors import Invalid
from common.validation import line
from common.zones import zone

NAME = 200
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class UnknownLocale(Invalid):
    """Must be a language tag, such as en-US."""


class PhoneRequired(Invalid):
    """Enter a phone number. The practice will call it for this appointment."""


@dataclass(frozen=True)
class Contact:
    """How a client can be reached, as typed for one booking."""

    name: str
    email: Email
    phone: str
    """As typed. `phone_for` reads it, since a number may be one of the practice's country."""
    timezone: str
    locale: str
    """The language and region in which the client booked (RFC 5646), or empty."""

    def phone_for(self, mode: str, country: str) -> str:
        """Return the number in the form in which it is kept (`common.phones`), or empty.

        A session by phone needs a number. Raises PhoneRequired, or what `phones.parse` raises.
        """
        if mode == "phone" and not self.phone.strip():
            raise PhoneRequired(field="client.phone")
        return phones.optional(self.phone, country, "client.phone")


def contact(name: str, email: str, phone: str, timezone: str, locale: str) -> Contact:
    """Return the contact. Raises Invalid, with `client.name` or another field."""
    if locale and not _LOCALE.fullmatch(locale):
        raise UnknownLocale(field="client.locale")
    return Contact(
        name=line(name, "client.name", NAME),
        email=emails.parse(email, "client.email"),
        phone=phone,
        timezone=zone(timezone, "client.timezone").key,
        locale=locale,
    )
