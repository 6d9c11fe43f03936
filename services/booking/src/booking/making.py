"""Making a booking or a hold, in one transaction: time is taken first, the rest follows."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from attune.availability.v1.availability_pb2 import (
    CONFIRMATION_APPROVAL,
    ClientCancellation,
    Terms,
)
from attune.booking.v1 import booking_pb2
from attune.booking.v1.events_pb2 import BookingConfirmed, BookingRequested
from attune.common.v1.types_pb2 import Fee, Mode, Money
from booking import enums, facts, messages
from booking.domain.contacts import Contact
from booking.domain.status import Status
from booking.domain.taking import (
    BOOKING,
    HOLD,
    Lapsed,
    Resource,
    SlotTaken,
    Taking,
    minutes,
    revision_of,
)
from booking.store import bookings, clients, holds, taken
from booking.store.tables import Booking, BookingChange, Client, Hold, ServiceLine
from common import ids
from common.db.database import Database
from common.jobs.schedule import schedule
from common.messaging.outbox import emit
from common.zones import zone

EXPIRE_HOLD = "expire_hold"
EXPIRE_REQUEST = "expire_request"
_ATTEMPTS = 3  # whenever something lapsed gives way, something else may come

Made = TypeVar("Made")


@dataclass(frozen=True)
class Place:
    """One start with one provider, and the terms that hold there now."""

    username: str
    mode: int
    start: datetime
    terms: Terms

    @property
    def practice_id(self) -> UUID:
        return UUID(self.terms.practice_id)

    @property
    def provider_id(self) -> UUID:
        return UUID(self.terms.provider_id)

    @property
    def end(self) -> datetime:
        return self.start + minutes(self.terms.service_type.duration_minutes)

    def taking(self, ref: UUID, kind: str, expires_at: datetime | None = None) -> Taking:
        """What a session here takes, widened by its buffers."""
        kind_of_service = self.terms.service_type
        return Taking(
            ref=ref,
            practice_id=self.practice_id,
            kind=kind,
            resources=tuple(Resource(r.number, UUID(r.id)) for r in self.terms.resources),
            start=self.start - minutes(kind_of_service.buffer_before_minutes),
            end=self.end + minutes(kind_of_service.buffer_after_minutes),
            session_start=self.start,
            session_end=self.end,
            expires_at=expires_at,
        )


def hold(session: Session, place: Place, visitor_id: str, now: datetime) -> booking_pb2.Hold:
    """Hold a start for a visitor, whose earlier hold with the provider is released (spec BK-3)."""
    row = Hold(
        id=ids.new(),
        practice_id=place.practice_id,
        provider_id=place.provider_id,
        visitor_index=holds.visitor_index(visitor_id),
        expires_at=now + minutes(place.terms.policies.hold_minutes),
    )
    earlier = holds.replace(session, row)
    taking = place.taking(row.id, HOLD, row.expires_at)
    changes = taken.take(session, taking, now, instead_of=earlier)
    emit(session, *(facts.taken_time_changed(change) for change in changes))
    schedule(session, EXPIRE_HOLD, row.id, row.practice_id, row.expires_at)
    return messages.hold(row, place.start, place.end, revision_of(changes, row.provider_id))


@dataclass(frozen=True)
class Details:
    """What a client gives besides the start."""

    contact: Contact
    note: str
    hold_id: UUID | None
    visitor_id: str


def book(session: Session, place: Place, details: Details, now: datetime) -> booking_pb2.Booking:
    """Book a start, in the place of the visitor's hold if there is one (spec BK-1, BK-2)."""
    booking_id = ids.new()
    own = _own_hold(session, place, details)
    changes = taken.take(session, place.taking(booking_id, BOOKING), now, instead_of=own)
    client = clients.find_or_add(session, place.practice_id, details.contact, now)
    row = _frozen(booking_id, place, details, client, now)
    row.revision = revision_of(changes, place.provider_id)
    bookings.add(session, row)
    approval = row.status == Status.REQUESTED
    fact = facts.booking(row)
    emit(
        session,
        *(facts.taken_time_changed(change) for change in changes),
        BookingRequested(booking=fact) if approval else BookingConfirmed(booking=fact),
    )
    if approval:
        schedule(session, EXPIRE_REQUEST, row.id, row.practice_id, row.start_at)
    # Whoever booked may not be the owner of the e-mail, whatever else they are signed in as.
    return messages.booking(row, messages.Viewer.BOOKER, now)


def let_go(session: Session, practice_id: UUID, hold_id: UUID) -> int:
    """Release a hold; the revision of its provider that this made, 0 if it was gone already."""
    provider_id = holds.remove(session, hold_id)
    if provider_id is None:
        return 0
    changes = taken.release(session, practice_id, hold_id)
    emit(session, *(facts.taken_time_changed(change) for change in changes))
    return revision_of(changes, provider_id)


def attempt(database: Database, practice_id: UUID, do: Callable[[Session], Made]) -> Made:
    """Take time in one transaction. Holds that have lapsed, but still stand in the way, are let
    go one by one in transactions of their own: who removed them while taking time could wait for
    somebody who waits for them."""
    for _ in range(_ATTEMPTS):
        try:
            with database.transaction(practice_id) as session:
                return do(session)
        except Lapsed as lapsed:
            for hold_id in lapsed.holds:
                with database.transaction(practice_id) as session:
                    let_go(session, practice_id, hold_id)
    raise SlotTaken(revision="")


def _own_hold(session: Session, place: Place, details: Details) -> UUID | None:
    if details.hold_id is None:
        return None
    return holds.remove_own(session, details.hold_id, details.visitor_id, place.provider_id)


def _frozen(
    booking_id: UUID, place: Place, details: Details, client: Client, now: datetime
) -> Booking:
    """The booking under the terms that hold now (spec BK-6)."""
    terms = place.terms
    approval = terms.policies.confirmation == CONFIRMATION_APPROVAL
    manage_token = secrets.token_urlsafe(32)
    row = Booking(
        id=booking_id,
        practice_id=place.practice_id,
        provider_id=place.provider_id,
        username=place.username,
        client_id=client.id,
        client_timezone=details.contact.timezone,
        status=Status.REQUESTED if approval else Status.CONFIRMED,
        mode=enums.word(Mode, place.mode),
        start_at=place.start,
        end_at=place.end,
        local_start=place.start.astimezone(zone(terms.provider_timezone)).replace(tzinfo=None),
        timezone=terms.provider_timezone,
        address=terms.address,
        client_cancellation=enums.word(ClientCancellation, terms.policies.client_cancellation),
        late_cancellation_minutes=terms.policies.late_cancellation_minutes,
        cancellation_requested=False,
        cancelled_by="",
        cancellation_reason="",
        payment_status="",
        payment_version=0,
        manage_token_index=bookings.token_index(manage_token),
        version=1,
        created_at=now,
        updated_at=now,
    )
    row.typed_name, row.note = details.contact.name, details.note
    row.manage_token = manage_token
    row.client = client
    row.lines = [_line(row, terms, place.mode)]
    row.changes = [
        BookingChange(
            booking_id=row.id,
            version=row.version,
            practice_id=row.practice_id,
            changed_at=now,
            actor="client",
            actor_id=str(client.id),
            change=row.status,
        )
    ]
    return row


def _line(row: Booking, terms: Terms, mode: int) -> ServiceLine:
    service = terms.service_type
    return ServiceLine(
        booking_id=row.id,
        position=0,
        practice_id=row.practice_id,
        service_type_id=UUID(service.service_type_id),
        slug=service.slug,
        title=service.title,
        code=service.code,
        duration_minutes=service.duration_minutes,
        currency_code=service.price.currency_code,
        price=service.price.minor_units,
        no_show_fee=_amount(service.no_show_fee, mode),
        late_cancellation_fee=_amount(service.late_cancellation_fee, mode),
    )


def _amount(fee: Fee, mode: int) -> int | None:
    """The fee in one mode, in minor units; None if there is none."""
    amount: Money | None = fee.amount if fee.HasField("amount") else None
    for exception in fee.by_mode:
        if exception.mode == mode:
            amount = exception.amount
    return amount.minor_units if amount else None
