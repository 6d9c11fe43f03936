"""Answers that show a booking."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import proto, zones
from common.rpc.identity import Identity
from gateway import times, words
from gateway.api import clients, money
from gateway.backends import rooms
from gateway.schemas import bookings as schemas
from gateway.web import links


def full(booking: pb.Booking, viewer: Identity) -> schemas.Booking:
    """Return a booking as this viewer sees it, with the link into its room."""
    zone = booking.timezone if viewer.is_staff else booking.contact.timezone
    token = rooms.join_token(booking, viewer)
    join_url = links.join(token) if token else ""
    return _answer(booking, zones.zone(zone or booking.timezone), join_url)


def listed(booking: pb.Booking) -> schemas.Booking:
    """Return a booking as lists show it to staff."""
    return _answer(booking, zones.zone(booking.timezone))


def _answer(booking: pb.Booking, tz: ZoneInfo, join_url: str = "") -> schemas.Booking:
    has_limit = booking.HasField("cancel_until_time")
    return schemas.Booking(
        id=booking.booking_id,
        status=words.word(pb.BookingStatus, booking.status),
        start=times.text(proto.instant(booking.start_time), tz),
        end=times.text(proto.instant(booking.end_time), tz),
        timezone=tz.key,
        mode=words.word(types.Mode, booking.mode),
        service=booking.service_lines[0].slug if booking.service_lines else "",
        provider=booking.username,
        client=clients.booked(booking),
        services=_lines(booking.service_lines),
        address=booking.address or None,
        note=booking.note or None,
        client_may_cancel=booking.client_may_cancel,
        cancel_until=(
            times.text(proto.instant(booking.cancel_until_time), tz) if has_limit else None
        ),
        cancellation_requested=booking.cancellation_requested,
        cancelled_by=words.word(pb.CancelledBy, booking.cancelled_by),
        cancellation_reason=words.word(pb.CancellationReason, booking.cancellation_reason),
        reason_text=booking.reason_text or None,
        reopen_until=(
            times.text(proto.instant(booking.reopen_until_time), tz)
            if booking.HasField("reopen_until_time")
            else None
        ),
        payment_status=words.word(pb.PaymentStatus, booking.payment_status),
        history=_history(booking, tz),
        version=booking.version,
        revision=booking.revision or None,
        created_at=times.text(proto.instant(booking.create_time), tz),
        manage_url=links.manage(booking.manage_token) if booking.manage_token else None,
        join_url=join_url or None,
    )


def _lines(lines: Sequence[pb.ServiceLine]) -> list[schemas.ServiceLine]:
    return [
        schemas.ServiceLine(
            service=line.slug,
            title=line.title,
            code=line.code,
            duration_minutes=line.duration_minutes,
            price=money.amount(line, "price"),
            no_show_fee=money.amount(line, "no_show_fee"),
            late_cancellation_fee=money.amount(line, "late_cancellation_fee"),
        )
        for line in lines
    ]


def _history(booking: pb.Booking, tz: ZoneInfo) -> list[schemas.Change]:
    return [
        schemas.Change.model_construct(
            at=times.text(proto.instant(entry.change_time), tz),
            by=entry.actor,
            change=entry.change,
        )
        for entry in booking.history
    ]
