"""The messages of the API's problems, which the tests compare exactly."""

NEEDED = "Required."
NO_FIELD = "Unknown field."
A_TEXT = "Must be a string."
A_LIST = "Must be a list."
AN_OBJECT = "Must be an object."
A_NUMBER = "Must be a whole number."
A_BOOLEAN = "Must be true or false."
AN_ID = "Must be an id from an earlier response."
A_LINE = "Must be one line of text without control characters."
NO_CONTROLS = "Control characters are not allowed."
A_SLUG = "Must be 1 to 60 lowercase letters, digits, or hyphens."
AN_EMAIL = "Must be an email address, for example name@example.com."
NO_EMAIL = "Enter an email address, such as name@example.com."
NO_PHONE = "Enter a phone number, such as +1 212 555 0100."
NO_COUNTRY_CODE = "Start the phone number with + and its country code, such as +1 212 555 0100."
SHORT_PHONE = "The phone number is too short. Include the area code."
LONG_PHONE = "The phone number is too long. Check its digits."
NO_SUCH_PHONE = "This phone number does not exist. Check its digits."
A_CURRENCY = "Must be three capital letters, for example USD."
A_ZONE = "Must be a time zone name, such as America/New_York."
A_DATE = "Must be a date from 2001 through 2099, for example 2026-11-02."
A_MONTH = "Must be a month from 2001 through 2099, for example 2026-11."
AN_INSTANT = (
    "Must be a time with its UTC offset from 2001 through 2099, for example"
    " 2026-11-02T09:00:00-05:00."
)
EITHER = (
    "Must be a date or a time from 2001 through 2099, for example 2026-11-02 or"
    " 2026-11-02T09:00:00-05:00."
)
A_MODE = "Must be one of: telehealth, in_person or phone."
A_START = "Must be a time from 00:00 to 23:59."
AN_END = "Must be a time from 00:00 to 24:00."
A_REVISION = "Invalid revision."
A_CURSOR = "Invalid cursor."
STALE = "Someone else changed this. Load it again, then retry."
NO_PROVIDER = "This provider doesn't exist."
NO_THING = "This doesn't exist, or you don't have access to it."
NOTHING_HERE = "There is nothing at this address."
SIGN_IN = "Sign in first."


def up_to(number: int) -> str:
    return f"Must be {number} or less."


def at_least(number: int) -> str:
    return f"Must be {number} or more."


def longest(number: int) -> str:
    return f"At most {number} characters are allowed."
