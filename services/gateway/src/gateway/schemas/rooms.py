"""Video rooms."""

from gateway.openapi.types import Answer, InstantText, UrlText


class Room(Answer):
    """The way into the video room of a booking, for whoever asks."""

    join_url: UrlText
    start: InstantText
    end: InstantText
    opens_at: InstantText
    closes_at: InstantText
