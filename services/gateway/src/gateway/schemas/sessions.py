"""Sessions of staff."""

from typing import Annotated

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import Answer, InstantText, Line, Request


class Credentials(Request):
    """The email and password of an account."""

    example = {"email": "owner@demo.example", "password": "correct horse battery staple"}

    email: Annotated[Line, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class Token(Answer):
    """A bearer token. The session cookie holds the same token."""

    example = {"token": examples.TOKEN}

    token: str


class Session(Answer):
    """A browser or program where the account is signed in."""

    example = {
        "id": examples.SESSION_ID,
        "browser": "curl/8.14.1",
        "created_at": "2026-10-26T13:58:04Z",
        "last_seen_at": "2026-10-26T14:03:21Z",
        "expires_at": "2026-11-02T13:58:04Z",
        "current": True,
    }

    id: str
    browser: str = Field(description="The `User-Agent` at sign-in.")
    created_at: InstantText
    last_seen_at: InstantText
    expires_at: InstantText
    current: bool


class Sessions(Answer):
    """The sessions of an account, last used first."""

    example = {"sessions": [Session.example]}

    sessions: list[Session]
