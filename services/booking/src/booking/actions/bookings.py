"""Making a booking: its time is taken first, then everything else is written."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from attune.booking.v1.events_pb2 import BookingConfirmed, BookingRequested
from booking import messages
from booking.actions.holds import EXPIRE_HOLD
from booking.actions.transitions import EXPIRE_REQUEST
from booking.domain.actor import CLIENT_OF_BOOKING, Actor, ActorKind
from booking.domain.contacts import Contact
from booking.domain.occupancy import BOOKING, revision_of
from booking.domain.status import Status
from booking.domain.terms import Confirmation, ServiceTerms, Terms
from booking.store import bookings, clients, holds, occupancy
from booking.store.tables import Booking, BookingChange, Client, ServiceLine
from common import ids
from common.jobs import schedule
from common.messaging.outbox import emit
from common.zones import zone

_FIRST_STATUS = {
    Confirmation.INSTANT: Status.CONFIRMED,
    Confirmation.APPROVAL: Status.REQUESTED,
}


@dataclass(frozen=True)
class BookingForm:
    """What a client enters to book a slot online."""

    contact: Contact
    note: str
    hold_id: UUID | None
    visitor_id: str


def book_online(
    session: Session, terms: Terms, start: datetime, form: BookingForm, now: datetime
) -> Booking:
    """Book a start as a client does online (spec BK-1), in place of the visitor's own hold.

    The provider's policy decides whether it is confirmed at once.

    Raises Invalid for the phone number, SlotTaken, or BlockedByExpiredHolds
    (`holds.clearing_expired`).
    """
    phone = form.contact.phone_for(terms.mode, terms.country)
    own = None
    if form.hold_id:
        own = holds.remove_own(session, form.hold_id, form.visitor_id, terms.provider_id)
    return book(
        session,
        CLIENT_OF_BOOKING,
        terms,
        start,
        services=[terms.service],
        confirmation=terms.confirmation,
        contact=replace(form.contact, phone=phone),
        now=now,
        note=form.note,
        instead_of=own,
    )


def book(
    session: Session,
    by: Actor,
    terms: Terms,
    start: datetime,
    *,
    services: Sequence[ServiceTerms],
    confirmation: Confirmation,
    contact: Contact,
    client: Client | None = None,
    now: datetime,
    note: str = "",
    instead_of: UUID | None = None,
) -> Booking:
    """Book a start with one or more services under these terms, which are frozen (spec BK-6).

    Whether it is confirmed at once or requested is the caller's decision. Without a client,
    the one with the contact's email is found or added. The contact's phone is in the form in which
    it is kept. `instead_of` is a hold whose row the caller has removed; its time is released.
    Raises SlotTaken, or BlockedByExpiredHolds (`holds.clearing_expired`).
    """
    booking_id = ids.new()
    wanted = terms.taken_time(start, booking_id, BOOKING)
    changes = occupancy.take(session, wanted, now, instead_of=instead_of)
    known = client or clients.find_or_add(session, terms.practice_id, contact, now)
    row = _row(booking_id, terms, start, known, now)
    _keep_contact(row, contact)
    row.status, row.note = _FIRST_STATUS[confirmation], note
    row.revision = revision_of(changes, terms.provider_id)
    row.lines = [_line(row, position, service) for position, service in enumerate(services)]
    row.history = [_first_entry(row, by)]
    bookings.add(session, row)
    emit(session, *map(messages.taken_time_changed, changes), _event(row))
    if row.status == Status.REQUESTED:
        schedule.schedule(session, EXPIRE_REQUEST, row.id, row.practice_id, row.start_at)
    if instead_of:
        schedule.cancel(session, EXPIRE_HOLD, instead_of)
    return row


def _row(booking_id: UUID, terms: Terms, start: datetime, client: Client, now: datetime) -> Booking:
    """Return a booking with its frozen terms (spec BK-6)."""
    manage_token = secrets.token_urlsafe(32)
    row = Booking(
        id=booking_id,
        practice_id=terms.practice_id,
        provider_id=terms.provider_id,
        username=terms.username,
        client_id=client.id,
        mode=terms.mode,
        start_at=start,
        end_at=start + terms.duration,
        local_start=start.astimezone(zone(terms.timezone)).replace(tzinfo=None),
        timezone=terms.timezone,
        address=terms.address,
        synthetic=terms.synthetic,
        client_cancellation=terms.client_cancellation,
        late_cancellation_minutes=terms.late_cancellation_minutes,
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
    row.manage_token = manage_token
    row.client = client
    return row


def _keep_contact(row: Booking, contact: Contact) -> None:
    """Keep on a booking the contact details that were typed for it."""
    row.typed_name = contact.name
    row.typed_email = contact.email.text
    row.typed_phone = contact.phone
    row.client_timezone = contact.timezone
    row.client_locale = contact.locale


def _line(row: Booking, position: int, service: ServiceTerms) -> ServiceLine:
    return ServiceLine(
        booking_id=row.id,
        position=position,
        practice_id=row.practice_id,
        service_type_id=service.service_type_id,
        slug=service.slug,
        title=service.title,
        code=service.code,
        duration_minutes=service.duration_minutes,
        currency_code=service.currency_code,
        price=service.price,
        no_show_fee=service.no_show_fee,
        late_cancellation_fee=service.late_cancellation_fee,
    )


def _event(row: Booking) -> BookingRequested | BookingConfirmed:
    kind = BookingRequested if row.status == Status.REQUESTED else BookingConfirmed
    return kind(booking=messages.booking_fact(row))


def _first_entry(row: Booking, by: Actor) -> BookingChange:
    client_id = str(row.client_id) if by.kind is ActorKind.CLIENT else ""
    return BookingChange(
        booking_id=row.id,
        version=row.version,
        practice_id=row.practice_id,
        changed_at=row.created_at,
        actor=by.kind,
        actor_id=by.id or client_id,
        change=row.status,
    )
