"""Enumerations of the contracts as the words that the database keeps: MODE_IN_PERSON is
`in_person`, UNSPECIFIED is empty."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the generic class exists in the stubs alone
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

    Enumeration = _EnumTypeWrapper[Any]
else:
    Enumeration = Any


def word(enum: Enumeration, value: int) -> str:
    """The word for a value."""
    return _words(enum)[value]


def value(enum: Enumeration, word: str) -> Any:
    """The value for a word."""
    return _values(enum)[word]


@cache
def _words(enum: Enumeration) -> dict[int, str]:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.DESCRIPTOR.name).upper()
    words = {number: text.removeprefix(f"{name}_").lower() for text, number in enum.items()}
    return {**words, 0: ""}


@cache
def _values(enum: Enumeration) -> dict[str, int]:
    return {word: number for number, word in _words(enum).items()}
