"""Render bookings as an iCalendar document (RFC 5545) that shows only initials of a client.

Equal bookings make equal bytes whenever they are read: nothing depends on the present instant.
"""

import unicodedata
from collections.abc import Iterable
from datetime import timedelta

from icalendar import Calendar, Event

from attune.booking.v1.booking_pb2 import Booking, BookingStatus
from attune.common.v1.types_pb2 import MODE_IN_PERSON
from calendar_sync.domain import initials
from common import proto

_NAME = "Attune"
_REFRESH = timedelta(minutes=15)
_REFRESH_TEXT = "PT15M"
_NAMELESS = "Session"
_STATUS = {
    "requested": "TENTATIVE",
    "confirmed": "CONFIRMED",
    "in_progress": "CONFIRMED",
    "completed": "CONFIRMED",
}


def calendar(bookings: Iterable[Booking]) -> bytes:
    """Return the feed of a provider's bookings, in UTF-8 (spec CS-6).

    Of a booking that comes twice, the later one counts.
    """
    shown = {booking.booking_id: booking for booking in bookings}.values()
    document = Calendar()
    document.add("prodid", "-//Attune//Feed//EN")
    document.add("version", "2.0")
    document.add("name", _NAME)
    document.add("x-wr-calname", _NAME)
    document.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    document.add("x-published-ttl", _REFRESH_TEXT)
    for booking in sorted(shown, key=lambda b: (b.start_time.ToNanoseconds(), b.booking_id)):
        document.add_component(_event(booking))
    content: bytes = document.to_ical()
    return content


def _event(booking: Booking) -> Event:
    """Return the event of a booking, in UTC, so that no reader's zone data can move it."""
    changed = booking.update_time if booking.HasField("update_time") else booking.create_time
    event = Event()
    event.add("uid", f"{booking.booking_id}@attune")
    event.add("sequence", booking.version)
    event.add("dtstamp", proto.instant(changed))
    event.add("last-modified", proto.instant(changed))
    event.add("created", proto.instant(booking.create_time))
    event.add("dtstart", proto.instant(booking.start_time))
    event.add("dtend", proto.instant(booking.end_time))
    event.add("status", _STATUS[proto.word(BookingStatus, booking.status)])
    event.add("summary", initials(booking.contact.name) or _NAMELESS)
    if booking.mode == MODE_IN_PERSON and (address := _line(booking.address)):
        event.add("location", address)
    return event


def _line(text: str) -> str:
    """Return a text on one line, without the control characters that iCalendar forbids."""
    visible = (c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
    return "".join(visible)
