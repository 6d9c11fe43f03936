"""The development mailbox (spec NT-9): the last messages, to read here instead of receiving them.

It does not exist in production.
"""

from http import HTTPStatus
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request

from attune.notifications.v1 import development_mailbox_service_pb2 as pb
from common.errors import NotFound
from gateway.backends import mailbox
from gateway.settings import settings
from gateway.web import protection

# A message has its own styles and nothing else that is active; its links open outside the frame.
_MESSAGE_POLICY = protection.PAGE_POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
_HEAD = '<base target="_blank">'


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/dev/mailbox", "mailbox", show)
    pages.add_url_rule("/dev/mailbox/<message_id>", "message", show_message)
    pages.add_url_rule("/dev/mailbox/<message_id>/<int:number>", "attachment", attachment)


def show() -> str:
    """List the last messages, the newest first."""
    return render_template(
        "mailbox.html", private=True, messages=_messages(), to=_to(), zone=ZoneInfo("UTC")
    )


def show_message(message_id: str) -> Response:
    """Show one message."""
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
    """Return one attachment as a file to save."""
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
    """Return the messages to `?to=`, or to everybody without it."""
    if not settings().development:
        raise NotFound
    return list(mailbox.messages(_to()))
