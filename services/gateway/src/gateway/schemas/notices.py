"""Failed notices."""

from gateway.openapi.types import Answer, InstantText


class Notice(Answer):
    """A notice that could not be delivered, by ids; its text is not kept."""

    id: str
    booking: str
    recipient: str
    kind: str
    attempts: int
    error: str
    created_at: InstantText


class Notices(Answer):
    """A page of failed notices."""

    notices: list[Notice]
    next: str | None = None
