"""What people are told, as it stands in the answers: the tests hold each text to the letter."""

NEEDED = "This is needed."
NO_FIELD = "There is no such field."
A_TEXT = "A text is needed."
A_LIST = "A list is needed."
AN_OBJECT = "An object is needed."
A_NUMBER = "A whole number is needed."
A_BOOLEAN = "Either true or false is needed."
AN_ID = "An id is needed."
A_LINE = "One line of text is needed, without control characters."
NO_CONTROLS = "Control characters are not allowed."
A_SLUG = "1 to 60 small letters, digits and hyphens are needed."
AN_EMAIL = "An e-mail address is needed, such as name@example.com."
NO_EMAIL = "Enter an email address, such as name@example.com."
NO_PHONE = "Enter a phone number, such as +1 212 555 0100."
NO_COUNTRY_CODE = "Start the phone number with + and its country code, such as +1 212 555 0100."
SHORT_PHONE = "The phone number is too short. Include the area code."
LONG_PHONE = "The phone number is too long. Check its digits."
NO_SUCH_PHONE = "This phone number does not exist. Check its digits."
A_CURRENCY = "A currency is three capital letters, such as USD."
A_ZONE = "This is not a time zone of the tz database, such as Europe/Berlin."
A_DATE = "A date of the years 2001 to 2099 is needed, such as 2026-11-02."
A_MONTH = "A month of the years 2001 to 2099 is needed, such as 2026-11."
AN_INSTANT = (
    "An instant with its offset of the years 2001 to 2099 is needed, such as"
    " 2026-11-02T09:00:00-05:00."
)
EITHER = (
    "A date or an instant of the years 2001 to 2099 is needed, such as 2026-11-02 or"
    " 2026-11-02T09:00:00-05:00."
)
A_MODE = "One of these is needed: telehealth, in_person or phone."
A_START = "A time from 00:00 to 23:59 is needed."
AN_END = "A time from 00:00 to 24:00 is needed."
A_REVISION = "This is not a revision."
A_CURSOR = "This is no cursor."
STALE = "This was changed by somebody else meanwhile; load it again."
NO_PROVIDER = "There is no such provider."
NO_THING = "There is no such thing."
NOTHING_HERE = "There is nothing at this address."
SIGN_IN = "Sign in first."


def up_to(number: int) -> str:
    return f"A number up to {number} is needed."


def at_least(number: int) -> str:
    return f"A number from {number} is needed."


def longest(number: int) -> str:
    return f"At most {number} characters are allowed."
