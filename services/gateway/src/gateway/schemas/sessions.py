"""Sessions of staff."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.types import Answer, InstantText, Line, Request


class Credentials(Request):
    """E-mail and password of an account."""

    email: Annotated[Line, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class Token(Answer):
    """A bearer token; the session cookie holds the same."""

    token: str


class Session(Answer):
    """One place where the account is signed in."""

    id: str
    browser: str = Field(description="What it called itself when signing in.")
    created_at: InstantText
    last_seen_at: InstantText
    expires_at: InstantText
    current: bool


class Sessions(Answer):
    """Where the account is signed in, the last used first."""

    sessions: list[Session]
