"""Holds."""

from gateway.openapi.types import Answer, Instant, InstantText, Mode, Request, Slug


class NewHold(Request):
    """A slot to set aside while a form is filled in."""

    service: Slug
    mode: Mode
    start: Instant


class Hold(Answer):
    """A slot set aside."""

    hold: str
    expires_at: InstantText
    start: InstantText
    end: InstantText
    revision: str
