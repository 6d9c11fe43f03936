"""Failed notices."""

from gateway.openapi import examples
from gateway.openapi.types import Answer, InstantText


class Notice(Answer):
    """An email that could not be delivered. Its text is not kept."""

    example = {
        "id": examples.NOTICE_ID,
        "booking": examples.BOOKING_ID,
        "recipient": "client",
        "kind": "confirmed",
        "attempts": 8,
        "error": "UNUSABLE_ADDRESS",
        "created_at": "2026-10-26T14:03:22Z",
    }

    id: str
    booking: str
    recipient: str
    kind: str
    attempts: int
    error: str
    created_at: InstantText


class Notices(Answer):
    """A page of failed notices."""

    example = {"notices": [Notice.example]}

    notices: list[Notice]
    next: str | None = None
