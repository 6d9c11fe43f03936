"""The events that tell of bookings and of taken time: ids, times and amounts only (spec PF-3)."""

from attune.booking.v1.booking_pb2 import BillingType, BookingStatus, TakenKind, TakenTime
from attune.booking.v1.events_pb2 import BookingFact, TakenTimeChanged
from attune.common.v1.types_pb2 import Mode, Money
from booking import enums
from booking.domain.taking import Change, Resource, Taking
from booking.store.tables import Booking, ServiceLine


def booking(row: Booking) -> BookingFact:
    """The state of a booking after a change."""
    fact = BookingFact(
        booking_id=str(row.id),
        practice_id=str(row.practice_id),
        provider_id=str(row.provider_id),
        client_id=str(row.client_id),
        status=enums.value(BookingStatus, row.status),
        mode=enums.value(Mode, row.mode),
        version=row.version,
        price=_sum(row.lines),
        billing_type=enums.value(BillingType, row.client.billing_type),
    )
    fact.start_time.FromDatetime(row.start_at)
    fact.end_time.FromDatetime(row.end_at)
    return fact


def taken_time_changed(change: Change) -> TakenTimeChanged:
    """What is taken of one resource has changed."""
    return TakenTimeChanged(
        practice_id=str(change.practice_id),
        resource_id=str(change.resource.id),
        resource_number=change.resource.number,
        revision=change.revision,
        taken=[taken_time(change.resource, change.taken)] if change.taken else [],
        released=[str(ref) for ref in change.released],
    )


def taken_time(resource: Resource, taking: Taking) -> TakenTime:
    """What one booking or hold takes of one resource."""
    taken = TakenTime(
        ref=str(taking.ref),
        resource_id=str(resource.id),
        resource_number=resource.number,
        kind=enums.value(TakenKind, taking.kind),
    )
    taken.start_time.FromDatetime(taking.start)
    taken.end_time.FromDatetime(taking.end)
    taken.session_start_time.FromDatetime(taking.session_start)
    taken.session_end_time.FromDatetime(taking.session_end)
    return taken


def _sum(lines: list[ServiceLine]) -> Money:
    return Money(
        minor_units=sum(line.price for line in lines), currency_code=lines[0].currency_code
    )
