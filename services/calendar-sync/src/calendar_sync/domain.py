"""Bookings as an iCalendar document (RFC 5545) that says no more about a client than initials.

Equal bookings make equal bytes, whenever they are read: nothing in it is of the present moment.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from google.protobuf.timestamp_pb2 import Timestamp
from icalendar import Calendar, Event

from attune.booking.v1 import booking_pb2
from attune.booking.v1.booking_pb2 import Booking
from attune.common.v1.types_pb2 import MODE_IN_PERSON

_NAME = "Attune"
_REFRESH = timedelta(minutes=15)
_REFRESH_TEXT = "PT15M"
_PAST = timedelta(days=30)
_FUTURE = timedelta(days=400)
_NAMELESS = "Session"
_STATUS = {
    booking_pb2.BOOKING_STATUS_REQUESTED: "TENTATIVE",
    booking_pb2.BOOKING_STATUS_CONFIRMED: "CONFIRMED",
    booking_pb2.BOOKING_STATUS_IN_PROGRESS: "CONFIRMED",
    booking_pb2.BOOKING_STATUS_COMPLETED: "CONFIRMED",
}
SHOWN = tuple(_STATUS)


@dataclass(frozen=True)
class Range:
    """The bookings that a feed shows start in `[start, end)`."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, now: datetime) -> Self:
        """From 30 days back to 400 days ahead."""
        return cls(now - _PAST, now + _FUTURE)


def calendar(bookings: Iterable[Booking]) -> bytes:
    """The feed of a provider's bookings, in UTF-8 (spec CS-6). Of a booking that comes twice,
    since it was moved while the pages were read, the later one counts."""
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
    """One booking. Instants are in UTC, so that no reader's zone data can move them."""
    changed = booking.update_time if booking.HasField("update_time") else booking.create_time
    event = Event()
    event.add("uid", f"{booking.booking_id}@attune")
    event.add("sequence", booking.version)
    event.add("dtstamp", _instant(changed))
    event.add("last-modified", _instant(changed))
    event.add("created", _instant(booking.create_time))
    event.add("dtstart", _instant(booking.start_time))
    event.add("dtend", _instant(booking.end_time))
    event.add("status", _STATUS[booking.status])
    event.add("summary", initials(booking.client.name) or _NAMELESS)
    if booking.mode == MODE_IN_PERSON and (place := _line(booking.address)):
        event.add("location", place)
    return event


def _instant(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)


def initials(name: str) -> str:
    """Of the first and the last word: "A. B." for "Ada Maria Byron"; nothing for no name."""
    words = unicodedata.normalize("NFC", name).split()
    letters = [letter for word in words if (letter := _first_letter(word))]
    ends = letters[:1] + letters[1:][-1:]
    return " ".join(f"{letter}." for letter in ends)


def _first_letter(word: str) -> str:
    first = next((character for character in word if character.isalnum()), "")
    capital = first.upper()
    return capital if len(capital) == 1 else first


def _line(text: str) -> str:
    """On one line, without the control characters that iCalendar forbids."""
    visible = (c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
    return "".join(visible)
