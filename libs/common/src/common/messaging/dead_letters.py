"""Dead letters: events that a service could not handle, in a stream of their own (spec PF-2)."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from common.messaging.nats import (
    DEAD_STREAM,
    EVENT_ID,
    MESSAGE_ID,
    Bus,
    Message,
    event_id,
    headers_of,
)

ERROR = "Attune-Error"
"""The header with the type of the exception that the handler raised."""


@dataclass(frozen=True)
class DeadLetter:
    """An event that `service` could not handle; `sequence` is its number in the dead stream."""

    sequence: int
    service: str
    subject: str
    event_id: str
    error: str
    time: datetime
    payload: bytes
    headers: Mapping[str, str]


def make(service: str, message: Msg, error: str) -> Message:
    """Return the dead letter to publish for an event that `service` could not handle."""
    received = headers_of(message)
    event = event_id(received)
    return Message(
        f"dead.{service}.{message.subject}",
        message.data,
        {
            # NATS would act on headers of its own.
            **{name: text for name, text in received.items() if not name.startswith("Nats-")},
            # Another service's dead letter of this event, or the one before a replay, must not
            # count as a duplicate of this one.
            MESSAGE_ID: f"{service}:{event}:{message.metadata.sequence.stream}",
            EVENT_ID: event,
            ERROR: error,
        },
    )


def oldest(bus: Bus, limit: int = 1000) -> list[DeadLetter]:
    """Return the oldest dead letters of all services, at most `limit`."""

    async def read() -> list[DeadLetter]:
        letters: list[DeadLetter] = []
        with contextlib.suppress(NotFoundError):  # there are no more
            while len(letters) < limit:
                letters.append(await _next(bus, letters[-1].sequence if letters else 0))
        return letters

    return bus.run(read(), timeout=60)


def count(bus: Bus, service: str) -> int:
    """Return the number of a service's dead letters. Raises unless NATS answers."""

    async def read() -> int:
        found = await bus.jetstream.stream_info(DEAD_STREAM, f"dead.{service}.>")
        return sum((found.state.subjects or {}).values())

    return bus.run(read(), timeout=2)


def forget(bus: Bus, letter: DeadLetter) -> None:
    """Remove a dead letter from the stream."""
    bus.run(bus.jetstream.delete_msg(DEAD_STREAM, letter.sequence))


async def _next(bus: Bus, after: int) -> DeadLetter:
    """Return the first dead letter after a sequence. Raises NotFoundError if there is none."""
    found = await bus.jetstream.get_msg(DEAD_STREAM, after + 1, "dead.>", next=True)
    _, service, subject = (found.subject or "").split(".", 2)
    headers = dict(found.headers or {})
    return DeadLetter(
        sequence=found.seq or 0,
        service=service,
        subject=subject,
        event_id=event_id(headers),
        error=headers.get(ERROR, ""),
        time=found.time or datetime.fromtimestamp(0, UTC),
        payload=found.data or b"",
        headers=headers,
    )
