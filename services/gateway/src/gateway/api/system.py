"""Whether it lives and can work; and, for developers, what was sent."""

from datetime import UTC

from flask import Response, current_app

from attune.notifications.v1 import development_mailbox_service_pb2 as rpc
from gateway import readiness, times
from gateway.api.operation import Operations, encoded, json_response
from gateway.backends import backends
from gateway.schemas import access as schemas

probes = Operations("probes", "Whether the gateway lives and can work.", prefix="")
development = Operations("development", "What only a developer may see.")


@probes.operation("GET", "/healthz", schemas.Alive)
def get_health() -> schemas.Alive:
    """Whether the process lives"""
    return schemas.Alive(status="ok")


@probes.operation("GET", "/readyz", schemas.Ready, unavailable=schemas.Ready)
def get_readiness() -> Response:
    """Whether work can be done

    With each dependency's state; the database, availability and booking decide, the others cost
    their own feature only.
    """
    watched: readiness.Readiness = current_app.extensions["readiness"]
    states = watched.states()
    status = readiness.OK if (ready := readiness.is_ready(states)) else readiness.AWAY
    answer = schemas.Ready.model_validate({"status": status, "dependencies": states})
    return json_response(encoded(answer), 200 if ready else 503)


@development.operation(
    "GET", "/dev/messages", list[schemas.Message], query=schemas.MessagesQuery, errors=(404,)
)
def list_development_messages(query: schemas.MessagesQuery) -> list[schemas.Message]:
    """What was sent last, the newest first

    The last 50 messages, of all or of those to one address.
    """
    asked = rpc.ListDevelopmentMessagesRequest(to=query.to)
    found = backends().development_mailbox.ListDevelopmentMessages(asked)
    return [_message(message) for message in found.messages]


def _message(message: rpc.DevelopmentMessage) -> schemas.Message:
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
        created_at=times.text(times.instant(message.create_time), UTC),
    )
