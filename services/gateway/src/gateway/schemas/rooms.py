"""Video rooms."""

from gateway.openapi import examples
from gateway.openapi.types import Answer, InstantText, UrlText


class Room(Answer):
    """A booking's video room, with the caller's own link."""

    example = {
        "join_url": f"https://attune.example/join/{examples.TOKEN}",
        "start": "2026-11-02T14:00:00Z",
        "end": "2026-11-02T14:50:00Z",
        "opens_at": "2026-11-02T13:45:00Z",
        "closes_at": "2026-11-02T15:20:00Z",
    }

    join_url: UrlText
    start: InstantText
    end: InstantText
    opens_at: InstantText
    closes_at: InstantText
