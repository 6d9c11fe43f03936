"""Ids of resources: random UUIDs."""

from uuid import UUID, uuid4

from common.errors import Invalid, NotFound


def new() -> UUID:
    """Return a new id."""
    return uuid4()


def parse(text: str, field: str) -> UUID:
    """Return the id in a request's field. Raises Invalid, which names the field."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(
            "Must be an id from an earlier response.", field=field, reason="INVALID_ID"
        ) from None


def find(text: str) -> UUID:
    """Return the id of a requested resource. Raises NotFound if `text` is no id."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
