"""The development mailbox (spec NT-9)."""

from datetime import UTC

from attune.notifications.v1 import development_mailbox_service_pb2 as pb
from common import proto
from gateway import times
from gateway.backends import mailbox as backend
from gateway.openapi.operation import Operations, Tag
from gateway.schemas import mailbox as schemas

mailbox = Operations(
    "mailbox", Tag("Development", "Tools for developers. Not served in production.")
)


@mailbox.operation(
    "GET", "/dev/messages", list[schemas.Message], query=schemas.MessagesQuery, errors=(404,)
)
def list_development_messages(query: schemas.MessagesQuery) -> list[schemas.Message]:
    """List sent emails

    Returns the last 50 emails to everyone or to one address. In development only.
    """
    return [_answer(message) for message in backend.messages(query.to)]


def _answer(message: pb.DevelopmentMessage) -> schemas.Message:
    return schemas.Message(
        id=message.message_id,
        to=message.to,
        subject=message.subject,
        text=message.text,
        html=message.html,
        attachments=[
            schemas.Attachment(filename=one.filename, content_type=one.content_type, text=one.text)
            for one in message.attachments
        ],
        created_at=times.text(proto.instant(message.create_time), UTC),
    )
