"""The RPCs: what could not be delivered, and the development mailbox."""

from collections.abc import Iterator
from datetime import datetime
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attune.notifications.v1.development_mailbox_service_pb2 import (
    Attachment,
    DevelopmentMessage,
    ListDevelopmentMessagesRequest,
    ListDevelopmentMessagesResponse,
)
from attune.notifications.v1.development_mailbox_service_pb2_grpc import (
    DevelopmentMailboxServiceServicer,
    add_DevelopmentMailboxServiceServicer_to_server,
)
from attune.notifications.v1.notice_service_pb2 import (
    ListFailedNoticesRequest,
    ListFailedNoticesResponse,
    Notice,
    ResendNoticeRequest,
    ResendNoticeResponse,
)
from attune.notifications.v1.notice_service_pb2_grpc import (
    NoticeServiceServicer,
    add_NoticeServiceServicer_to_server,
)
from common import audit, ids, validation
from common.clock import Clock
from common.db import cursor
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound, Refused
from common.jobs.schedule import schedule
from common.rpc.access import allow
from common.rpc.identity import caller
from common.rpc.server import Servicers
from notifications import jobs, store
from notifications.domain.invite import FILENAME
from notifications.domain.notices import State

_MAILBOX = 50  # messages shown


class NoticeNotFailed(Refused):
    """Only a notice that could not be delivered is sent again."""


class NotificationsServicer(NoticeServiceServicer, DevelopmentMailboxServiceServicer):
    """`mailbox`: whether the development mailbox may be read."""

    def __init__(self, database: Database, clock: Clock, mailbox: bool) -> None:
        self._database = database
        self._clock = clock
        self._mailbox = mailbox

    @allow("mailbox:read")
    def ListDevelopmentMessages(
        self, request: ListDevelopmentMessagesRequest, context: grpc.ServicerContext
    ) -> ListDevelopmentMessagesResponse:
        """What would have been sent, newest first, up to 50 (spec NT-9).

        Errors: NOT_FOUND unless this is a development system with the development channel.
        """
        if not self._mailbox:
            raise NotFound
        with self._database.transaction(EVERY_PRACTICE) as session:
            messages = [_to_message(row) for row in store.messages(session, request.to, _MAILBOX)]
        return ListDevelopmentMessagesResponse(messages=messages)

    @allow("notices:manage")
    def ListFailedNotices(
        self, request: ListFailedNoticesRequest, context: grpc.ServicerContext
    ) -> ListFailedNoticesResponse:
        """The practice's notices that were given up, newest first (spec NT-3)."""
        size = validation.page_size(request.page_size)
        after = cursor.place(request.page_token, "failed notices")
        practice_id = UUID(caller().practice_id)
        with self._database.transaction(practice_id) as session:
            rows = store.failed(session, practice_id, after, size + 1)
            audit.record(
                session,
                "notice.list",
                notice=[row.id for row in rows[:size]],
                booking=[row.booking_id for row in rows[:size]],
            )
        more = len(rows) > size
        return ListFailedNoticesResponse(
            notices=[_to_notice(row) for row in rows[:size]],
            next_page_token=_place(rows[size - 1]) if more else "",
        )

    @allow("notices:manage")
    def ResendNotice(
        self, request: ResendNoticeRequest, context: grpc.ServicerContext
    ) -> ResendNoticeResponse:
        """Queues a failed notice again; one that is queued already stays so (spec NT-3).

        Errors: NOTICE_NOT_FAILED.
        """
        notice_id = ids.find(request.notice_id)
        now = self._clock.now()
        with self._database.transaction(caller().practice_id) as session:
            notice = store.queue_again(session, notice_id, now)
            if notice is not None:
                key = jobs.key(notice.booking_id, notice.recipient)
                schedule(session, jobs.DELIVER, key, notice.practice_id, now, now=True)
                audit.record(session, "notice.resend", notice=notice.id, booking=notice.booking_id)
            else:
                notice = store.get(session, notice_id)
        if notice is None:
            raise NotFound
        if notice.state != State.QUEUED:
            raise NoticeNotFailed
        return ResendNoticeResponse(notice=_to_notice(notice))


def _place(row: store.Notice) -> str:
    return cursor.Place(row.created_at, row.id).token("failed notices")


def _to_notice(row: store.Notice) -> Notice:
    return Notice(
        notice_id=str(row.id),
        booking_id=str(row.booking_id),
        recipient=row.recipient,
        kind=row.kind,
        attempts=row.attempts,
        error=row.error,
        create_time=_timestamp(row.created_at),
    )


def _to_message(row: store.DevelopmentMessage) -> DevelopmentMessage:
    """As its reader would see it."""
    message = message_from_string(row.source, _class=EmailMessage, policy=default)
    return DevelopmentMessage(
        message_id=row.message_id.strip("<>"),
        to=message["To"].addresses[0].addr_spec,
        subject=message["Subject"],
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=_attachments(message),
        create_time=_timestamp(row.created_at),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    content: str = part.get_content() if isinstance(part, EmailMessage) else ""
    return content.replace("\r\n", "\n")


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    """The invite, once, though it is in the message twice."""
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            yield Attachment(
                filename=part.get_filename() or FILENAME,
                content_type=f"text/calendar; method={part.get_param('method')}",
                text=part.get_content(),
            )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def servicers(database: Database, clock: Clock, mailbox: bool) -> Servicers:
    """Return the servicers of this service."""
    servicer = NotificationsServicer(database, clock, mailbox)
    return [
        (add_NoticeServiceServicer_to_server, servicer),
        (add_DevelopmentMailboxServiceServicer_to_server, servicer),
    ]
