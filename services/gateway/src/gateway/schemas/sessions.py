"""Sessions of staff."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.types import Answer, InstantText, Line, Request


class Credentials(Request):
    """Email and password of an account."""

    email: Annotated[Line, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class Token(Answer):
    """A bearer token; the session cookie holds the same."""

    token: str


class Session(Answer):
    """A browser or program in which an account is signed in."""

    id: str
    browser: str = Field(description="The `User-Agent` at sign-in.")
    created_at: InstantText
    last_seen_at: InstantText
    expires_at: InstantText
    current: bool


class Sessions(Answer):
    """The sessions of an account, the last used first."""

    sessions: list[Session]
