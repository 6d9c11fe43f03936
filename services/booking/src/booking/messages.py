"""Rows as messages, by who looks at them (spec CL-3)."""

from datetime import datetime
from enum import Enum, auto

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import (
    BillingType,
    BookingStatus,
    CancellationReason,
    CancelledBy,
    PaymentStatus,
)
from attune.common.v1.types_pb2 import ClientStatus, Mode, Money
from booking import enums
from booking.store.tables import Booking, BookingChange, Client, Hold, ServiceLine
from common.rpc.identity import Identity


class Viewer(Enum):
    """Who looks at a booking."""

    SERVICE = auto()
    STAFF = auto()
    CLIENT = auto()
    """Has signed in as the client."""
    BOOKER = auto()
    """Has just booked, or holds the manage link: sees what was typed for this booking, but
    nothing else that the practice knows of the e-mail's owner."""


def viewer(identity: Identity) -> Viewer:
    """As what a caller looks at bookings."""
    if identity.is_service:
        return Viewer.SERVICE
    if identity.is_staff:
        return Viewer.STAFF
    return Viewer.CLIENT if identity.client_id and not identity.booking_id else Viewer.BOOKER


def booking(
    row: Booking, who: Viewer, now: datetime, *, history: bool = True
) -> booking_pb2.Booking:
    """A booking, as this viewer may see it."""
    cancelling = row.cancelling
    message = booking_pb2.Booking(
        booking_id=str(row.id),
        practice_id=str(row.practice_id),
        provider_id=str(row.provider_id),
        username=row.username,
        client=_client_of(row, who),
        status=enums.value(BookingStatus, row.status),
        mode=enums.value(Mode, row.mode),
        timezone=row.timezone,
        service_lines=[_line(line) for line in row.lines],
        address=row.address,
        note=row.note,
        client_may_cancel=cancelling.allowed(now),
        cancellation_requested=row.cancellation_requested,
        cancelled_by=enums.value(CancelledBy, row.cancelled_by),
        cancellation_reason=enums.value(CancellationReason, row.cancellation_reason),
        reason_text=row.reason_text,
        payment_status=enums.value(PaymentStatus, row.payment_status),
        history=[_entry(change) for change in row.changes] if history else [],
        manage_token="" if who is Viewer.STAFF else row.manage_token,
        revision=str(row.revision),
        version=row.version,
    )
    message.start_time.FromDatetime(row.start_at)
    message.end_time.FromDatetime(row.end_at)
    message.create_time.FromDatetime(row.created_at)
    message.update_time.FromDatetime(row.updated_at)
    if cancelling.until:
        message.cancel_until_time.FromDatetime(cancelling.until)
    return message


def client(row: Client) -> booking_pb2.Client:
    """What the practice knows of a client."""
    return booking_pb2.Client(
        client_id=str(row.id),
        name=row.name,
        email=row.email,
        phone=row.phone,
        timezone=row.timezone,
        status=enums.value(ClientStatus, row.status),
        billing_type=enums.value(BillingType, row.billing_type),
    )


def hold(row: Hold, start: datetime, end: datetime, revision: int) -> booking_pb2.Hold:
    """A hold."""
    message = booking_pb2.Hold(hold_id=str(row.id), revision=str(revision))
    message.start_time.FromDatetime(start)
    message.end_time.FromDatetime(end)
    message.expire_time.FromDatetime(row.expires_at)
    return message


def _client_of(row: Booking, who: Viewer) -> booking_pb2.Client:
    if who is Viewer.BOOKER:
        return booking_pb2.Client(
            client_id=str(row.client_id),
            name=row.typed_name,
            email=row.client.email,
            timezone=row.client_timezone,
        )
    message = client(row.client)
    message.timezone = row.client_timezone
    return message


def _line(row: ServiceLine) -> booking_pb2.ServiceLine:
    return booking_pb2.ServiceLine(
        service_type_id=str(row.service_type_id),
        slug=row.slug,
        title=row.title,
        code=row.code,
        duration_minutes=row.duration_minutes,
        price=_money(row.price, row),
        no_show_fee=_money(row.no_show_fee, row),
        late_cancellation_fee=_money(row.late_cancellation_fee, row),
    )


def _money(amount: int | None, row: ServiceLine) -> Money | None:
    if amount is None:
        return None
    return Money(minor_units=amount, currency_code=row.currency_code)


def _entry(row: BookingChange) -> booking_pb2.HistoryEntry:
    entry = booking_pb2.HistoryEntry(actor=row.actor, actor_id=row.actor_id, change=row.change)
    entry.change_time.FromDatetime(row.changed_at)
    return entry
