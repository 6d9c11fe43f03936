"""Words of the API for the values of protobuf enumerations: MODE_IN_PERSON is `in_person`."""

from typing import TYPE_CHECKING, Any

from common import proto

if TYPE_CHECKING:
    from common.proto import Enumeration


def word(enum: "Enumeration", value: int) -> Any:
    """Return the word for a value; None if it is unset or newer than this gateway."""
    try:
        return proto.word(enum, value) or None
    except KeyError:
        return None


def value(enum: "Enumeration", word: str | None) -> Any:
    """Return the value for a word; UNSPECIFIED for None."""
    return proto.value(enum, word or "")
