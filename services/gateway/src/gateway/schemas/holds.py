"""Holds."""

from gateway.openapi import examples
from gateway.openapi.types import Answer, Instant, InstantText, Mode, Request, Slug


class NewHold(Request):
    """A slot to hold."""

    example = {
        "service": examples.SERVICE,
        "mode": "telehealth",
        "start": "2026-11-02T09:00:00-05:00",
    }

    service: Slug
    mode: Mode
    start: Instant


class Hold(Answer):
    """A slot that is held until `expires_at`."""

    example = {
        "hold": examples.HOLD_ID,
        "expires_at": "2026-10-26T09:08:00-05:00",
        "start": "2026-11-02T09:00:00-05:00",
        "end": "2026-11-02T09:50:00-05:00",
        "revision": "56.12",
    }

    hold: str
    expires_at: InstantText
    start: InstantText
    end: InstantText
    revision: str
