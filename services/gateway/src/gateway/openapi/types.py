"""The types of the values in requests and answers."""

import contextlib
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from common import zones

PATTERNS: dict[str, str] = {}
"""Pattern → the message for a text that does not match it."""


def text_like(pattern: str, message: str, longest: int | None = None) -> StringConstraints:
    """Return the constraints of a text; `message` says what is needed if it does not match."""
    PATTERNS[pattern] = message
    return StringConstraints(pattern=pattern, max_length=longest)


# One line, one line that is not blank, and any number of lines; no control characters.
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_NOT_BLANK = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_INSTANT = (
    r"^20(0[1-9]|[1-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_DATE = r"^20(0[1-9]|[1-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_MONTH = r"^20(0[1-9]|[1-9][0-9])-(0[1-9]|1[0-2])$"
_ONE_LINE = "Must be one line of text without control characters."
_NEEDED = "Must be {} from 2001 through 2099, for example {}."
_A_DATE = _NEEDED.format("a date", "2026-11-02")
_A_MONTH = _NEEDED.format("a month", "2026-11")
_AN_INSTANT = _NEEDED.format("a time with its UTC offset", "2026-11-02T09:00:00-05:00")
_EITHER = _NEEDED.format("a date or a time", "2026-11-02 or 2026-11-02T09:00:00-05:00")


class Documented(BaseModel):
    """A model with an example, as JSON, which the OpenAPI document and its page show."""

    example: ClassVar[Mapping[str, Any]] = {}


class Request(Documented):
    """A request body. Unknown fields are errors, and `"5"` is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Query(Documented):
    """A query string. Unknown parameters are ignored."""

    model_config = ConfigDict(frozen=True)


class Answer(Documented):
    """A response. Fields without a value are left out."""

    model_config = ConfigDict(frozen=True)


def _matching(pattern: str, read: Callable[[str], object], message: str) -> BeforeValidator:
    compiled = re.compile(pattern.replace("$", r"\Z"))

    def check(value: object) -> object:
        if not isinstance(value, str) or not compiled.match(value):
            raise ValueError(message)
        try:
            return read(value)
        except ValueError:  # a date that does not exist
            raise ValueError(message) from None

    return BeforeValidator(check)


def _zone(value: str) -> str:
    if value not in zones.NAMES:
        raise ValueError(zones.UnknownZone().message)
    return value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        raise ValueError("Must be a whole number.")
    return value


Line = Annotated[str, text_like(_LINE, _ONE_LINE)]
Named = Annotated[str, text_like(_NOT_BLANK, _ONE_LINE, 200)]
Note = Annotated[str, text_like(_LINES, "Control characters are not allowed.", 4000)]
Id = Annotated[str, text_like(_ID, "Must be an id from an earlier response.")]
Slug = Annotated[
    str,
    text_like(r"^[a-z0-9-]{1,60}$", "Must be 1 to 60 lowercase letters, digits, or hyphens."),
]
Mode = Literal["telehealth", "in_person", "phone"]
# The server judges a zone: a list of 600 names, with aliases, breaks code generators.
Timezone = Annotated[
    str,
    AfterValidator(_zone),
    WithJsonSchema({"type": "string", "format": "timezone", "examples": ["America/New_York"]}),
]
Email = Annotated[
    str,
    text_like(
        r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$",
        "Must be an email address, for example name@example.com.",
        254,
    ),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Instant = Annotated[
    AwareDatetime,
    _matching(_INSTANT, datetime.fromisoformat, _AN_INSTANT),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _INSTANT}),
]
Date = Annotated[
    date,
    _matching(_DATE, date.fromisoformat, _A_DATE),
    WithJsonSchema({"type": "string", "format": "date", "pattern": _DATE}),
]
_date_of: TypeAdapter[Any] = TypeAdapter(Date)
_instant_of: TypeAdapter[Any] = TypeAdapter(Instant)


def _when(value: object) -> date | datetime:
    for kind in (_date_of, _instant_of):
        with contextlib.suppress(ValidationError):
            return kind.validate_python(value)  # type: ignore[no-any-return]  # typed by its annotation
    raise ValueError(_EITHER)


When = Annotated[
    date | datetime,
    PlainValidator(_when),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date", "pattern": _DATE},
                {"type": "string", "format": "date-time", "pattern": _INSTANT},
            ]
        }
    ),
]
Month = Annotated[str, text_like(_MONTH, _A_MONTH)]
# These follow the bounds of an integer: `Annotated[int, Field(ge=0), FROM_JSON]`. Before them, they
# would hide the integer from Pydantic, which then writes bounds that are not JSON Schema.
FROM_JSON = BeforeValidator(_whole)  # JSON has one type of number: 5.0 is a whole number
FROM_QUERY = BeforeValidator(_digits)  # everything is text in a query string
Limit = Annotated[int, Field(ge=1, le=200, description="The most items in the answer."), FROM_QUERY]
# In answers, which are given as text already.
InstantText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
DateText = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
UrlText = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]

Currency = Annotated[
    str, text_like(r"^[A-Z]{3}$", "Must be three capital letters, for example USD.")
]


class Money(Request):
    """An amount in minor units (cents) of a currency."""

    minor_units: Annotated[int, Field(ge=0, le=10**12), FROM_JSON]
    currency: Currency | None = Field(
        None, description="The practice's currency, which is also the default."
    )


class Amount(Answer):
    """An amount in minor units (cents) of a currency."""

    minor_units: int
    currency: str


Version = Annotated[
    int,
    Field(ge=0, le=2**53, description="The version that you read, as `version` of the resource."),
    FROM_JSON,
]
Cursor = Annotated[
    Annotated[str, text_like(r"^[A-Za-z0-9_=.~:+/-]*$", "Invalid cursor.", 500)],
    Field(description="`next` of the previous page."),
]


class PageQuery(Query):
    limit: Limit = 50
    cursor: Cursor | None = None
