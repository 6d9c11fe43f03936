"""Rows as protobuf messages."""

from collections.abc import Iterator
from email import message_from_string
from email.message import EmailMessage
from email.policy import default

from attune.notifications.v1 import development_mailbox_service_pb2 as mailbox
from attune.notifications.v1 import notice_service_pb2 as pb
from common.proto import timestamp, value
from notifications.rendering.invite import FILENAME
from notifications.store.tables import DevelopmentMessage, Notice


def notice(row: Notice) -> pb.Notice:
    """Return a notice as its practice sees it."""
    return pb.Notice(
        notice_id=str(row.id),
        booking_id=str(row.booking_id),
        recipient=row.recipient,
        kind=row.kind,
        attempts=row.attempts,
        error=row.error,
        create_time=timestamp(row.created_at),
        state=value(pb.NoticeState, row.state),
    )


def development_message(row: DevelopmentMessage) -> mailbox.DevelopmentMessage:
    """Return a message of the development mailbox as its reader would see it."""
    message = message_from_string(row.source, _class=EmailMessage, policy=default)
    return mailbox.DevelopmentMessage(
        message_id=row.message_id.strip("<>"),
        to=message["To"].addresses[0].addr_spec,
        subject=message["Subject"],
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=_attachments(message),
        create_time=timestamp(row.created_at),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    content: str = part.get_content() if isinstance(part, EmailMessage) else ""
    return content.replace("\r\n", "\n")


def _attachments(message: EmailMessage) -> Iterator[mailbox.Attachment]:
    """Yield the invite once, although the message holds it twice."""
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            yield mailbox.Attachment(
                filename=part.get_filename() or FILENAME,
                content_type=f"text/calendar; method={part.get_param('method')}",
                text=part.get_content(),
            )
