"""Conversions between stored values and protobuf messages: enumerations, instants, and money."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from attune.common.v1.types_pb2 import Money

if TYPE_CHECKING:  # the generic class exists in the stubs alone
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

    Enumeration = _EnumTypeWrapper[Any]
else:
    Enumeration = Any


def word(enum: Enumeration, value: int) -> str:
    """Return the word that the database stores for a value of an enumeration.

    The word is `in_person` for MODE_IN_PERSON, and empty for MODE_UNSPECIFIED.
    """
    return _words(enum)[value]


def value(enum: Enumeration, word: str) -> Any:
    """Return the value of an enumeration for the word that the database stores."""
    return _values(enum)[word]


def timestamp(instant: datetime) -> Timestamp:
    """Return an aware instant as a Timestamp."""
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def instant(timestamp: Timestamp) -> datetime:
    """Return a Timestamp as an instant in UTC."""
    return timestamp.ToDatetime(tzinfo=UTC)


def money(minor_units: int | None, currency_code: str) -> Money | None:
    """Return an amount as Money; None if there is no amount."""
    if minor_units is None:
        return None
    return Money(minor_units=minor_units, currency_code=currency_code)


@cache
def _words(enum: Enumeration) -> dict[int, str]:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.DESCRIPTOR.name).upper()
    words = {number: text.removeprefix(f"{name}_").lower() for text, number in enum.items()}
    return {**words, 0: ""}


@cache
def _values(enum: Enumeration) -> dict[str, int]:
    return {word: number for number, word in _words(enum).items()}
