"""The development mailbox (spec NT-9): what would have been sent last, to be read here.
In production there is no such page."""

from http import HTTPStatus
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request

from attune.notifications.v1 import development_mailbox_service_pb2 as pb
from common.errors import NotFound
from gateway import protection
from gateway.backends import backends
from gateway.settings import settings

# A message brings its own styles, and may do nothing else; its links open outside of the frame.
_MESSAGE_POLICY = protection.PAGE_POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
_HEAD = '<base target="_blank">'


def register(pages: Blueprint) -> None:
    pages.add_url_rule("/dev/mailbox", "mailbox", show)
    pages.add_url_rule("/dev/mailbox/<message_id>", "message", show_message)
    pages.add_url_rule("/dev/mailbox/<message_id>/<int:number>", "attachment", attachment)


def show() -> str:
    """Who was written to last, newest first."""
    return render_template(
        "mailbox.html", private=True, messages=_messages(), to=_to(), zone=ZoneInfo("UTC")
    )


def show_message(message_id: str) -> Response:
    """One message."""
    message = _message(message_id)
    page = render_template(
        "message.html",
        private=True,
        message=message,
        letter=_HEAD + message.html,
        zone=ZoneInfo("UTC"),
    )
    return Response(page, HTTPStatus.OK, {"Content-Security-Policy": _MESSAGE_POLICY})


def attachment(message_id: str, number: int) -> Response:
    """One attachment, to be saved."""
    attachments = _message(message_id).attachments
    if number >= len(attachments):
        raise NotFound
    found = attachments[number]
    response = Response(found.text, content_type="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=found.filename)
    return response


def _to() -> str:
    return request.args.get("to", "").strip()


def _message(message_id: str) -> pb.DevelopmentMessage:
    for message in _messages():
        if message.message_id == message_id:
            return message
    raise NotFound


def _messages() -> list[pb.DevelopmentMessage]:
    """Everybody's, or those to `?to=`."""
    if not settings().development:
        raise NotFound
    wanted = pb.ListDevelopmentMessagesRequest(to=_to())
    return list(backends().development_mailbox.ListDevelopmentMessages(wanted).messages)
