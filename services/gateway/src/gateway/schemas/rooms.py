"""Video rooms."""

from gateway.openapi.types import Answer, InstantText, UrlText


class Room(Answer):
    """The video room of a booking, with the caller's own link."""

    join_url: UrlText
    start: InstantText
    end: InstantText
    opens_at: InstantText
    closes_at: InstantText
