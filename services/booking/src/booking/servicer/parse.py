"""Parse requests into plain values. Functions raise Invalid, which names the field."""

from datetime import datetime
from typing import Any

from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import BookingStatus, CancellationReason
from attune.common.v1.types_pb2 import Mode
from booking.actions.bookings import BookingForm
from booking.domain import contacts
from booking.domain.terms import Slot
from booking.store.bookings import Filter
from common import ids, proto, validation

NAME = 200  # characters of usernames, slugs and visitors' ids
_REASON = 2000


def slot(request: Any) -> Slot:
    """Return the slot of a CreateHoldRequest or a CreateBookingRequest."""
    return Slot(
        username=validation.line(request.username, "username", NAME),
        service=validation.line(request.service, "service", NAME),
        mode=proto.word(Mode, validation.choice(Mode, request.mode, "mode")),
        start=validation.instant(request.start_time, "start_time"),
    )


def form(request: pb.CreateBookingRequest) -> BookingForm:
    """Return the form that a client entered."""
    typed = request.contact
    return BookingForm(
        contact=contacts.contact(
            typed.name, typed.email, typed.phone, typed.timezone, typed.locale
        ),
        note=validation.words(request.note, "note"),
        hold_id=ids.parse(request.hold_id, "hold_id") if request.hold_id else None,
        visitor_id=validation.words(request.visitor_id, "visitor_id", NAME),
    )


def filter_of(request: pb.ListBookingsRequest, now: datetime) -> Filter:
    """Return the conditions on listed bookings."""
    start, end = validation.span(request)
    return Filter(
        start=start,
        end=end,
        provider_id=ids.parse(request.provider_id, "provider_id") if request.provider_id else None,
        client_id=ids.parse(request.client_id, "client_id") if request.client_id else None,
        statuses=tuple(
            proto.word(BookingStatus, validation.choice(BookingStatus, status, "statuses"))
            for status in request.statuses
        ),
        unanswered_at=now if request.needs_response else None,
    )


def reason(request: pb.CancelBookingRequest) -> str:
    """Return the reason of a cancellation by staff."""
    chosen = validation.choice(CancellationReason, request.reason, "reason")
    return proto.word(CancellationReason, chosen)


def reason_text(request: pb.CancelBookingRequest | pb.DeclineBookingRequest) -> str:
    """Return the free text of a cancellation or a refusal."""
    return validation.words(request.reason_text, "reason_text", _REASON)
