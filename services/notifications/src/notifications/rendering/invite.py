"""The calendar invite of a booking (spec NT-2, RFC 5545).

A booking has one UID forever and a SEQUENCE that rises with each change. The method is REQUEST
while the booking stands and CANCEL once it is cancelled. Times are in UTC: a single appointment
needs no VTIMEZONE, and every calendar shows it in its owner's zone. The invite does not name the
service; the provider's names the client by initials alone.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from typing import Literal
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress, vText, vUri

FILENAME = "invite.ics"

# A quoted parameter cannot hold a quote (RFC 5545 §3.2). Some programs end it at a semicolon
# (node-ical 0.27) or take a backslash for an escape (ical.js 2.2).
_IN_PARAMETERS = str.maketrans('";\\', "',/")


@dataclass(frozen=True)
class Invite:
    """What an invite says."""

    method: Literal["REQUEST", "CANCEL"]
    booking_id: UUID
    sequence: int
    start: datetime
    end: datetime
    made_at: datetime
    summary: str
    organizer: Address
    attendee: str
    description: str = ""
    location: str = ""
    url: str = ""

    def to_ical(self) -> str:
        """Return the invite as an iCalendar document, with folded lines and CRLF."""
        calendar = Calendar()
        calendar.add("prodid", "-//Attune//Notices//EN")
        calendar.add("version", "2.0")
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", self.method)
        calendar.add_component(self._event())
        lines: bytes = calendar.to_ical()
        return lines.decode()

    def _event(self) -> Event:
        event = Event()
        event.add("uid", f"{self.booking_id}@attune")
        event.add("sequence", self.sequence)
        event.add("dtstamp", self.made_at)
        event.add("dtstart", self.start)
        event.add("dtend", self.end)
        event.add("summary", self.summary)
        if self.description:
            event.add("description", self.description)
        event.add("status", "CANCELLED" if self.method == "CANCEL" else "CONFIRMED")
        event.add("class", "PRIVATE")
        event.add("transp", "OPAQUE")
        event.add("organizer", self._organizer())
        event.add("attendee", self._attendee())
        if self.location:
            event.add("location", self.location)
        if self.url:
            event["url"] = vUri(self.url)
        return event

    def _organizer(self) -> vCalAddress:
        address = vCalAddress(f"mailto:{self.organizer.addr_spec}")
        address.params["cn"] = vText(self.organizer.display_name.translate(_IN_PARAMETERS))
        return address

    def _attendee(self) -> vCalAddress:
        address = vCalAddress(f"mailto:{self.attendee}")
        address.params["role"] = vText("REQ-PARTICIPANT")
        address.params["partstat"] = vText("ACCEPTED")
        address.params["rsvp"] = vText("FALSE")
        return address
