"""Opaque ids."""

from uuid import UUID, uuid4

from common.errors import Invalid, NotFound


def new() -> UUID:
    """A fresh id."""
    return uuid4()


def parse(text: str, field: str) -> UUID:
    """An id out of a request; raises Invalid, naming the field."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This is not an id.", field=field, reason="INVALID_ID") from None


def find(text: str) -> UUID:
    """The id of something asked for: what cannot be an id is not found."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
