"""Send the queued notices of a booking, and record how that ended (spec NT-3)."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from opentelemetry.trace import SpanKind
from sqlalchemy.orm import Session

from attune.booking.v1.booking_pb2 import BookingStatus
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune.notifications.v1.events_pb2 import NoticeFailed
from common import audit, proto, telemetry
from common.clock import Clock
from common.errors import DomainError, NotFound, Refused
from common.messaging.outbox import emit
from notifications.adapters.channel import Channel
from notifications.adapters.peers import Answers, Peers
from notifications.domain import notices as rules
from notifications.domain.notices import Kind, Recipient, State
from notifications.rendering.letter import Letter, Links
from notifications.rendering.message import compose
from notifications.store.tables import Notice

log = logging.getLogger(__name__)

# A job that has taken this long is settled before it sends more, well within its lease.
_LONG = timedelta(seconds=10)

_outcomes = telemetry.Counter(
    "attune.notices",
    "Attempts to deliver a notice, by kind and outcome",
    [{"kind": kind, "outcome": outcome} for kind in Kind for outcome in State],
)


class RoomMissing(DomainError):
    """The video room isn't available yet."""


class Delivery:
    """Composes messages and hands them to the channel."""

    def __init__(
        self, peers: Peers, channel: Channel, clock: Clock, public_url: str, sender: str
    ) -> None:
        self._peers = peers
        self._channel = channel
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._sender = sender

    def deliver(self, notices: Sequence[Notice], now: datetime) -> list[Notice]:
        """Try to send the queued notices among all notices of a booking, and return those that
        were tried, with the outcome set on each.

        Each recipient gets notices in their order, so one that cannot be sent now holds up the
        later ones of the same recipient. When time runs short, the rest stay as they are.
        """
        if not notices:
            return []
        tried: list[Notice] = []
        answers = Answers(self._peers, notices[0].practice_id, notices[0].booking_id)
        invited = {n.recipient for n in notices if n.kind == Kind.BOOKING_CONFIRMED}
        for queue in _due_queues(notices, now):
            for notice in queue:
                if tried and self._clock.now() - now > _LONG:
                    return tried
                self._try(notice, answers, notice.recipient in invited, now)
                tried.append(notice)
                if notice.state == State.QUEUED:
                    _hold_up(queue, notice.next_attempt_at)
                    break
        return tried

    def _try(self, notice: Notice, answers: Answers, invited: bool, now: datetime) -> None:
        notice.attempts += 1
        carrier = {"traceparent": notice.trace} if notice.trace else {}
        name, parent = f"send {notice.kind}", telemetry.extract(carrier)
        with telemetry.span(name, SpanKind.PRODUCER, parent) as span:
            try:
                notice.state = self._send(notice, answers, invited, now)
                notice.error = ""
            except (NotFound, Refused) as error:
                notice.state, notice.error = State.FAILED, _describe(error)
            except Exception as error:  # an error of ours must not stop the other notices
                _report(error)
                notice.error = _describe(error)
                notice.next_attempt_at = rules.next_attempt(notice.attempts, now)
                notice.state = State.QUEUED if notice.next_attempt_at else State.FAILED
            if notice.error:
                telemetry.fail(span, notice.error)
        if notice.state == State.SENT:
            notice.sent_at = now

    def _send(self, notice: Notice, answers: Answers, invited: bool, now: datetime) -> State:
        kind, recipient, booking = Kind(notice.kind), Recipient(notice.recipient), answers.booking()
        status = proto.word(BookingStatus, booking.status)
        if not rules.still_true(
            kind, status, cancellation_requested=booking.cancellation_requested
        ):
            return State.SUPERSEDED
        provider = answers.provider()
        letter = Letter(
            notice_id=notice.id,
            kind=kind,
            recipient=recipient,
            booking=booking,
            provider=provider.provider,
            practice=provider.practice,
            links=self._links(notice, answers, now),
            sender=self._sender,
            sent_at=now,
            invited=invited,
        )
        self._channel.send(notice.practice_id, compose(letter))
        return State.SENT

    def _links(self, notice: Notice, answers: Answers, now: datetime) -> Links:
        join, booking = "", answers.booking()
        if notice.kind == Kind.BOOKING_CONFIRMED and booking.mode == MODE_TELEHEALTH:
            join = self._join_url(notice, answers, now)
        if notice.recipient == Recipient.PROVIDER:
            return Links(f"{self._public_url}/console/bookings/{booking.booking_id}", join=join)
        return Links(
            manage=f"{self._public_url}/manage/{booking.manage_token}",
            book=f"{self._public_url}/book/{booking.username}",
            join=join,
        )

    def _join_url(self, notice: Notice, answers: Answers, now: datetime) -> str:
        """Return the reader's link into the video room, empty if rooms have been away for long.

        Raises RoomMissing while the notice waits for its room.
        """
        try:
            room = answers.room()
        except DomainError:
            if rules.waits_for_room(notice.queued_at, now):
                raise RoomMissing from None
            log.warning("a notice is sent without its join link", extra={"notice": str(notice.id)})
            return ""
        token = room.client_token if notice.recipient == Recipient.CLIENT else room.provider_token
        return f"{self._public_url}/join/{token}"


def _due_queues(notices: Sequence[Notice], now: datetime) -> Iterator[list[Notice]]:
    """Yield the queued notices of each recipient for whom one is due, oldest first."""
    for recipient in Recipient:
        queue = [n for n in queued(notices) if n.recipient == recipient]
        if any(n.next_attempt_at is None or n.next_attempt_at <= now for n in queue):
            yield queue


def _hold_up(queue: list[Notice], until: datetime | None) -> None:
    for notice in queue:
        if notice.state == State.QUEUED:
            notice.next_attempt_at = until


def queued(notices: Sequence[Notice]) -> list[Notice]:
    """Return the notices that have yet to be sent."""
    return [notice for notice in notices if notice.state == State.QUEUED]


def record(session: Session, notice: Notice) -> None:
    """Record how an attempt to send a notice ended: in the audit, events, metrics, and logs."""
    _outcomes.add({"kind": notice.kind, "outcome": notice.state})
    if notice.state == State.SENT:
        audit.record(
            session,
            "notice.send",
            notice=notice.id,
            booking=notice.booking_id,
            recipient=notice.recipient,
        )
    if notice.state == State.FAILED:
        emit(
            session,
            NoticeFailed(
                notice_id=str(notice.id),
                practice_id=str(notice.practice_id),
                booking_id=str(notice.booking_id),
            ),
        )
    level = logging.WARNING if notice.error else logging.INFO
    about = {"notice": str(notice.id), "kind": notice.kind, "recipient": notice.recipient}
    log.log(level, "notice %s", notice.state, extra={**about, "error": notice.error})


def _report(error: Exception) -> None:
    """Log the location of an unexpected error without its text, which might quote personal data."""
    if not isinstance(error, DomainError):
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        log.error("%s while making a notice", type(error).__name__, extra={"where": where})


def _describe(error: Exception) -> str:
    """Return an error's name and code. Its text might quote an address."""
    if not isinstance(error, DomainError):
        return type(error).__name__
    known = (error.reason, error.details.get("cause", ""), error.details.get("code", ""))
    return " ".join(filter(None, known))
