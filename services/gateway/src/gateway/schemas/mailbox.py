"""The development mailbox."""

from pydantic import Field

from gateway.openapi.types import Answer, InstantText, Line, Query


class Attachment(Answer):
    """A file attached to an email."""

    filename: str
    content_type: str
    text: str


class Message(Answer):
    """An email as its reader would see it."""

    example = {
        "id": "019a3f53-88b0-7e21-a6c4-5d0f9b7e1a62",
        "to": "jane.roe@example.com",
        "subject": "Your appointment with Dana Demo, PhD",
        "text": "Your appointment is confirmed.",
        "html": "<p>Your appointment is confirmed.</p>",
        "attachments": [],
        "created_at": "2026-10-26T14:03:22Z",
    }

    id: str
    to: str
    subject: str
    text: str
    html: str
    attachments: list[Attachment]
    created_at: InstantText


class MessagesQuery(Query):
    example = {"to": "jane.roe@example.com"}

    to: Line = Field("", description="Only emails to this address.", max_length=254)
