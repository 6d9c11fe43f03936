"""Delivery: notices leave one at a time for each recipient of a booking, in their order, and are
tried again for a day when something is away (spec NT-3).

A job is the recipient of a booking, not a notice: whoever claims it sends the oldest notice, so
replicas neither overtake each other nor send twice.
"""

import logging
import traceback
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opentelemetry.trace import SpanKind
from sqlalchemy.orm import Session

from attune.availability.v1.provider_service_pb2 import GetProviderRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1.booking_service_pb2 import GetBookingRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune.notifications.v1.events_pb2 import NoticeFailed
from attune.telehealth_rooms.v1.room_service_pb2 import GetRoomRequest
from attune.telehealth_rooms.v1.room_service_pb2_grpc import RoomServiceStub
from common import audit, telemetry
from common.errors import DomainError, NotFound, Refused
from common.jobs.worker import Job, JobContext, Jobs
from common.messaging.outbox import emit
from common.rpc import identity
from notifications import store
from notifications.channels import Channel
from notifications.domain import notices
from notifications.domain.message import Letter, Links, compose
from notifications.domain.notices import Kind, Recipient, State
from notifications.store import Notice

log = logging.getLogger(__name__)

DELIVER = "deliver"
jobs = Jobs({"mail": 4})
_ITSELF = "service:notifications"

_outcomes = telemetry.meter.create_counter(
    "attune.notices", description="Attempts to deliver a notice, by kind and outcome"
)


def key(booking_id: UUID, recipient: str) -> str:
    """Return the key of the job that sends a recipient's notices of a booking."""
    return f"{booking_id}:{recipient}"


@dataclass(frozen=True)
class Peers:
    """Who is asked for what a notice says."""

    bookings: BookingServiceStub
    providers: ProviderServiceStub
    rooms: RoomServiceStub


class Delivery:
    """Composes and sends what is queued."""

    def __init__(self, peers: Peers, channel: Channel, public_url: str, sender: str) -> None:
        self._peers = peers
        self._channel = channel
        self._public_url = public_url.rstrip("/")
        self._sender = sender

    def attempt(self, notice: Notice, invited: bool, now: datetime) -> datetime | None:
        """Try to send a notice and set its outcome on it; return when to try again, if ever.

        `invited` says whether the recipient got a calendar invite for the booking before.
        """
        notice.attempts += 1
        again = None
        carrier = {"traceparent": notice.trace} if notice.trace else {}
        with telemetry.span(
            f"send {notice.kind}", SpanKind.PRODUCER, telemetry.extract(carrier)
        ) as span:
            try:
                notice.state = self._send(notice, invited, now)
                notice.error = ""
            except (NotFound, Refused) as error:
                notice.state, notice.error = State.FAILED, _describe(error)
            except Exception as error:  # a fault of ours must not stop what else is queued
                _report(error)
                notice.error = _describe(error)
                again = notices.next_attempt(notice.attempts, now)
                notice.state = State.QUEUED if again else State.FAILED
            if notice.error:
                telemetry.fail(span, notice.error)
        return again

    def _send(self, notice: Notice, invited: bool, now: datetime) -> State:
        kind, recipient = Kind(notice.kind), Recipient(notice.recipient)
        with identity.acting_as(identity.Identity(_ITSELF, str(notice.practice_id))):
            asked = GetBookingRequest(booking_id=str(notice.booking_id))
            booking = self._peers.bookings.GetBooking(asked).booking
            if not notices.still_true(kind, booking):
                return State.SUPERSEDED
            provider = self._peers.providers.GetProvider(
                GetProviderRequest(provider_id=booking.provider_id)
            )
            links = self._links(notice, booking, now)
        letter = Letter(
            notice_id=notice.id,
            kind=kind,
            recipient=recipient,
            booking=booking,
            provider=provider.provider,
            practice=provider.practice,
            links=links,
            sender=self._sender,
            sent_at=now,
            invited=invited,
        )
        self._channel.send(notice.practice_id, compose(letter))
        return State.SENT

    def _links(self, notice: Notice, booking: pb.Booking, now: datetime) -> Links:
        join = ""
        if notice.kind == Kind.BOOKING_CONFIRMED and booking.mode == MODE_TELEHEALTH:
            join = self._join_url(notice, now)
        if notice.recipient == Recipient.PROVIDER:
            return Links(f"{self._public_url}/console/bookings/{booking.booking_id}", join=join)
        return Links(
            manage=f"{self._public_url}/manage/{booking.manage_token}",
            book=f"{self._public_url}/book/{booking.username}",
            join=join,
        )

    def _join_url(self, notice: Notice, now: datetime) -> str:
        """The reader's link into the video room; none while rooms are away for long."""
        try:
            room = self._peers.rooms.GetRoom(GetRoomRequest(booking_id=str(notice.booking_id)))
        except DomainError:
            if notices.waits_for_room(notice.queued_at, now):
                raise RoomMissing from None
            log.warning("a notice leaves without its join link", extra={"notice": str(notice.id)})
            return ""
        token = room.client_token if notice.recipient == Recipient.CLIENT else room.provider_token
        return f"{self._public_url}/join/{token}"


@jobs.on(DELIVER, lane="mail")
def deliver(job: Job, context: JobContext[Delivery]) -> None:
    """Send the oldest notice that a recipient of a booking waits for; come again at once if there
    are more, later if it could not leave."""
    booking_id, _, recipient = job.key.partition(":")
    about = UUID(booking_id), Recipient(recipient)
    with context.transaction() as session:
        notice = store.next_queued(session, *about)
        invited = store.exists(session, *about, Kind.BOOKING_CONFIRMED)
    if notice is None:
        return
    again = context.peers.attempt(notice, invited, context.now)
    with context.settle() as session:
        session.add(notice)
        session.flush()
        _note(session, notice, context.now)
        if again or store.next_queued(session, *about):
            context.again(again or context.now)


class RoomMissing(DomainError):
    """The video room is not to be had yet."""


def _note(session: Session, notice: Notice, now: datetime) -> None:
    """Tell logs, metrics and whoever listens how the attempt ended. Ids only."""
    about = {"notice": str(notice.id), "kind": notice.kind, "recipient": notice.recipient}
    _outcomes.add(1, {"kind": notice.kind, "outcome": notice.state})
    if notice.state == State.SENT:
        notice.sent_at = now
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
    log.log(level, "notice %s", notice.state, extra={**about, "error": notice.error})


def _report(error: Exception) -> None:
    """Where a fault of ours is: the place alone, since its text might quote what it choked on."""
    if not isinstance(error, DomainError):
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        log.error("%s while making a notice", type(error).__name__, extra={"where": where})


def _describe(error: Exception) -> str:
    """By name and code: the text might quote an address."""
    if not isinstance(error, DomainError):
        return type(error).__name__
    known = (error.reason, error.details.get("cause", ""), error.details.get("code", ""))
    return " ".join(filter(None, known))
