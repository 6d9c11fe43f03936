"""The development mailbox."""

from pydantic import Field

from gateway.openapi.types import Answer, InstantText, Line, Query


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
    to: Line = Field(
        "", description="An email address; without one, messages to everybody.", max_length=254
    )
