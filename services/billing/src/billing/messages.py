"""Rows as protobuf messages, and booking's events as values."""

from uuid import UUID

from attune.billing.v1 import billable_service_pb2 as pb
from attune.booking.v1.booking_pb2 import BillingType
from attune.booking.v1.events_pb2 import BookingFact
from billing.domain import BookingVersion, CompletedBooking
from billing.store.tables import Billable
from common import proto


def billable(row: Billable) -> pb.Billable:
    """Return a billable as staff see it."""
    return pb.Billable(
        billable_id=str(row.id),
        booking_id=str(row.booking_id),
        client_id=str(row.client_id),
        provider_id=str(row.provider_id),
        kind=proto.value(pb.BillableKind, row.kind),
        amount=proto.money(row.amount, row.currency),
        service_time=proto.timestamp(row.service_at),
    )


def booking_version(booking: BookingFact) -> BookingVersion:
    """Return a version of a booking from booking's event."""
    return BookingVersion(
        booking_id=UUID(booking.booking_id),
        practice_id=UUID(booking.practice_id),
        client_id=UUID(booking.client_id),
        version=booking.version,
    )


def completed_booking(booking: BookingFact) -> CompletedBooking:
    """Return a completed booking from booking's event."""
    return CompletedBooking(
        booking_id=UUID(booking.booking_id),
        practice_id=UUID(booking.practice_id),
        client_id=UUID(booking.client_id),
        version=booking.version,
        provider_id=UUID(booking.provider_id),
        start_at=proto.instant(booking.start_time),
        end_at=proto.instant(booking.end_time),
        billing_type=proto.word(BillingType, booking.billing_type),
        price_minor_units=booking.price.minor_units,
        price_currency=booking.price.currency_code,
        synthetic=booking.synthetic,
    )
