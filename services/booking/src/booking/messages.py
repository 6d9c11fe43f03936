"""Convert rows to messages: for viewers, by their role (spec CL-3), and for events, which carry
ids, times, and amounts only (spec PF-3)."""

from datetime import datetime
from enum import Enum, auto

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_fact_service_pb2 import BookingState, BookingStep
from attune.booking.v1.booking_pb2 import (
    BillingType,
    BookingStatus,
    CancellationReason,
    CancelledBy,
    PaymentStatus,
    TakenKind,
)
from attune.booking.v1.events_pb2 import BookingFact, TakenTimeChanged
from attune.common.v1.types_pb2 import ClientStatus, Mode, Money
from booking.domain import reopening
from booking.domain.occupancy import OccupancyChange, Resource, TakenTime
from booking.domain.status import Status
from booking.store.tables import Booking, BookingChange, Client, Hold, ServiceLine
from common import proto
from common.rpc.identity import Identity


class Viewer(Enum):
    """The role of a viewer, which decides what they see of a booking."""

    SERVICE = auto()
    STAFF = auto()
    CLIENT = auto()
    """Has signed in as the client."""
    BOOKER = auto()
    """Has just booked, or holds the manage link: sees what was typed for this booking, but
    nothing else that the practice knows about the email's owner."""


def viewer(identity: Identity) -> Viewer:
    """Return the role in which a caller views bookings."""
    if identity.is_service:
        return Viewer.SERVICE
    if identity.is_staff:
        return Viewer.STAFF
    return Viewer.CLIENT if identity.client_id and not identity.booking_id else Viewer.BOOKER


def booking(
    row: Booking, who: Viewer, now: datetime, *, history: bool = True
) -> booking_pb2.Booking:
    """Return a booking as a viewer may see it."""
    rule = row.cancellation_rule
    reopen_until = _reopen_until(row, now) if history and who is Viewer.STAFF else None
    return booking_pb2.Booking(
        booking_id=str(row.id),
        practice_id=str(row.practice_id),
        provider_id=str(row.provider_id),
        username=row.username,
        client=_client_of(row, who),
        contact=_contact(row),
        status=proto.value(BookingStatus, row.status),
        mode=proto.value(Mode, row.mode),
        start_time=proto.timestamp(row.start_at),
        end_time=proto.timestamp(row.end_at),
        timezone=row.timezone,
        service_lines=[_line(line) for line in row.lines],
        address=row.address,
        note=row.note,
        client_may_cancel=rule.allows(now),
        cancel_until_time=proto.timestamp(rule.until) if rule.until else None,
        cancellation_requested=row.cancellation_requested,
        cancellation_needs_approval=rule.is_subject_to_approval,
        cancelled_by=proto.value(CancelledBy, row.cancelled_by),
        cancellation_reason=proto.value(CancellationReason, row.cancellation_reason),
        reason_text=row.reason_text,
        payment_status=proto.value(PaymentStatus, row.payment_status),
        history=[_entry(entry) for entry in row.history] if history else [],
        manage_token="" if who is Viewer.STAFF else row.manage_token,
        revision=str(row.revision),
        version=row.version,
        create_time=proto.timestamp(row.created_at),
        update_time=proto.timestamp(row.updated_at),
        reopen_until_time=proto.timestamp(reopen_until) if reopen_until else None,
    )


def client(row: Client) -> booking_pb2.Client:
    """Return the practice's record of a client."""
    return booking_pb2.Client(
        client_id=str(row.id),
        name=row.name,
        email=row.email,
        phone=row.phone,
        timezone=row.timezone,
        status=proto.value(ClientStatus, row.status),
        billing_type=proto.value(BillingType, row.billing_type),
    )


def hold(row: Hold, start: datetime, end: datetime, revision: int) -> booking_pb2.Hold:
    """Return a hold on the time from `start` to `end`."""
    return booking_pb2.Hold(
        hold_id=str(row.id),
        start_time=proto.timestamp(start),
        end_time=proto.timestamp(end),
        expire_time=proto.timestamp(row.expires_at),
        revision=str(revision),
    )


def booking_fact(row: Booking) -> BookingFact:
    """Return the state of a booking after a change, for its event."""
    return BookingFact(
        booking_id=str(row.id),
        practice_id=str(row.practice_id),
        provider_id=str(row.provider_id),
        client_id=str(row.client_id),
        status=proto.value(BookingStatus, row.status),
        mode=proto.value(Mode, row.mode),
        start_time=proto.timestamp(row.start_at),
        end_time=proto.timestamp(row.end_at),
        version=row.version,
        price=_total(row.lines),
        billing_type=proto.value(BillingType, row.client.billing_type),
        synthetic=row.synthetic,
    )


def booking_state(row: Booking) -> BookingState:
    """Return the present state of a booking, for services that keep a projection of it."""
    return BookingState(
        booking=booking_fact(row),
        update_time=proto.timestamp(row.updated_at),
        steps=[BookingStep(version=entry.version, change=entry.change) for entry in row.history],
        cancelled_by=proto.value(CancelledBy, row.cancelled_by),
        payment_status=proto.value(PaymentStatus, row.payment_status),
        payment_version=row.payment_version,
    )


def taken_time_changed(change: OccupancyChange) -> TakenTimeChanged:
    """Return the event about a change of one resource's occupancy."""
    return TakenTimeChanged(
        practice_id=str(change.practice_id),
        resource_id=str(change.resource.id),
        resource_number=change.resource.number,
        revision=change.revision,
        taken=[taken_time(change.resource, change.taken)] if change.taken else [],
        released=[str(ref) for ref in change.released],
    )


def taken_time(resource: Resource, taken: TakenTime) -> booking_pb2.TakenTime:
    """Return the time that one booking or hold takes of one resource."""
    return booking_pb2.TakenTime(
        ref=str(taken.ref),
        resource_id=str(resource.id),
        resource_number=resource.number,
        start_time=proto.timestamp(taken.start),
        end_time=proto.timestamp(taken.end),
        session_start_time=proto.timestamp(taken.session_start),
        session_end_time=proto.timestamp(taken.session_end),
        kind=proto.value(TakenKind, taken.kind),
    )


def _reopen_until(row: Booking, now: datetime) -> datetime | None:
    changes = [reopening.SessionChange(entry.change, entry.changed_at) for entry in row.history]
    return reopening.reopen_until(Status(row.status), changes, row.payment_status, now)


def _client_of(row: Booking, who: Viewer) -> booking_pb2.Client:
    if who is Viewer.BOOKER:
        return booking_pb2.Client(client_id=str(row.client_id))
    return client(row.client)


def _contact(row: Booking) -> booking_pb2.ContactDetails:
    return booking_pb2.ContactDetails(
        name=row.typed_name,
        email=row.typed_email or row.client.email,
        phone=row.typed_phone,
        timezone=row.client_timezone,
        locale=row.client_locale,
    )


def _line(row: ServiceLine) -> booking_pb2.ServiceLine:
    return booking_pb2.ServiceLine(
        service_type_id=str(row.service_type_id),
        slug=row.slug,
        title=row.title,
        code=row.code,
        duration_minutes=row.duration_minutes,
        price=proto.money(row.price, row.currency_code),
        no_show_fee=proto.money(row.no_show_fee, row.currency_code),
        late_cancellation_fee=proto.money(row.late_cancellation_fee, row.currency_code),
    )


def _total(lines: list[ServiceLine]) -> Money:
    return Money(
        minor_units=sum(line.price for line in lines), currency_code=lines[0].currency_code
    )


def _entry(row: BookingChange) -> booking_pb2.HistoryEntry:
    return booking_pb2.HistoryEntry(
        change_time=proto.timestamp(row.changed_at),
        actor=row.actor,
        actor_id=row.actor_id,
        change=row.change,
    )
