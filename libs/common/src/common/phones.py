"""Phone numbers: read as people write them, kept in international form, shown for people.

A number is kept as E.164, followed by `;ext=` and its extension if it has one (RFC 3966), such as
`+12125550100;ext=5`.
"""

import unicodedata

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, ValidationResult

from common.errors import Invalid

LONGEST = 60
"""Characters that a person may type."""
_MEXICO = 52
_MEXICAN_DIGITS = 10


class InvalidPhone(Invalid):
    """Enter a phone number, such as +1 212 555 0100."""


class PhoneNeedsCountry(InvalidPhone):
    """Start the phone number with + and its country code, such as +1 212 555 0100."""


class PhoneTooShort(InvalidPhone):
    """The phone number is too short. Include the area code."""


class PhoneTooLong(InvalidPhone):
    """The phone number is too long. Check its digits."""


class PhoneNotDialable(InvalidPhone):
    """This phone number does not exist. Check its digits."""


def parse(text: str, country: str, field: str) -> str:
    """Return a number in the form in which it is kept.

    `country` is that of numbers without a country code (ISO 3166-1, such as US); without one,
    they are refused. Raises InvalidPhone or one of its kinds.
    """
    if len(text) > 2 * LONGEST:
        raise PhoneTooLong(field=field)
    typed = "".join(
        c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf"
    ).strip()
    number = _read(typed, country)
    if number is None:
        raise _refusal(typed, country)(field=field)
    kept = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{kept};ext={number.extension}" if number.extension else kept


def optional(text: str, country: str, field: str) -> str:
    """Return a number in the form in which it is kept; it may be empty."""
    return parse(text, country, field) if text.strip() else ""


def shown(phone: str) -> str:
    """Return a kept number for people: `+1 212-555-0100 ext. 5`."""
    if not phone:
        return ""
    number = phonenumbers.parse(f"tel:{phone}", None)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def is_country(code: str) -> bool:
    """Return whether `code` is a country with phone numbers of its own (ISO 3166-1 alpha-2)."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _read(typed: str, country: str) -> PhoneNumber | None:
    """Return the number that can be dialed, by the first reading that gives one."""
    readings = [typed]
    if typed.startswith("00"):  # the international prefix of most countries
        readings.append(f"+{typed[2:]}")
    for reading in readings:
        try:
            number = phonenumbers.parse(reading, country or None)
        except phonenumbers.NumberParseException:
            continue
        for candidate in (number, _without_mexican_one(number)):
            if candidate and phonenumbers.is_valid_number(candidate):
                return candidate
    return None


def _without_mexican_one(number: PhoneNumber) -> PhoneNumber | None:
    """Return a Mexican mobile number without the 1 that was dialed before August 2019."""
    digits = str(number.national_number)
    if number.country_code != _MEXICO or len(digits) != _MEXICAN_DIGITS + 1 or digits[0] != "1":
        return None
    shorter = PhoneNumber()
    shorter.merge_from(number)
    shorter.national_number = int(digits[1:])
    return shorter


def _refusal(typed: str, country: str) -> type[InvalidPhone]:
    """Return why nothing was read from a number."""
    try:
        number = phonenumbers.parse(typed, country or None)
    except phonenumbers.NumberParseException as error:
        match error.error_type:
            case phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
                return PhoneNeedsCountry
            case phonenumbers.NumberParseException.TOO_LONG:
                return PhoneTooLong
            case _:
                return InvalidPhone
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.TOO_SHORT | ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return PhoneTooShort
        case ValidationResult.TOO_LONG:
            return PhoneTooLong
        case _:
            return PhoneNotDialable
