"""Sign-in, and what operators and developers look at."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.schemas.types import Answer, InstantText, Line, Query, Request


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


class Notice(Answer):
    """A notice that could not be delivered, by ids; what it said is not kept."""

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


class Attachment(Answer):
    filename: str
    content_type: str
    text: str


class Message(Answer):
    """A message as its reader would see it."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    attachments: list[Attachment]
    created_at: InstantText


class MessagesQuery(Query):
    to: Line = Field("", description="An e-mail address; empty: everybody's.", max_length=254)


class Alive(Answer):
    status: Literal["ok"]


class Ready(Answer):
    """Whether work can be done, and the state of each dependency."""

    status: Literal["ok", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable"]]


class Problem(Answer):
    """What went wrong (RFC 9457). Switch on `reason`; the texts may change."""

    type: str
    title: str
    status: int
    detail: str | None = None
    reason: str = Field(description="Stable, in capitals, such as `SLOT_TAKEN`.")
    fields: dict[str, str] | None = Field(None, description="The offending fields, and why.")
    trace_id: str = Field(description="Names this request to whoever looks into it.")


class Alternative(Answer):
    start: InstantText
    end: InstantText


class SlotTakenProblem(Problem):
    """A problem; if the slot is taken, with the nearest free ones."""

    alternatives: list[Alternative] | None = None
