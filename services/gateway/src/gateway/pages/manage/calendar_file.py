"""One appointment for a client's calendar: a file (RFC 5545), or a link into Google's or Outlook's.

Its UID is that of the invite by email, so that both are one entry. The links name the place of an
in-person session alone: a link into a video room is for its client, and must not reach others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from icalendar import Calendar
from icalendar import Event as Entry

_UTC = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Event:
    """The appointment as a calendar shows it."""

    uid: str
    sequence: int
    start: datetime
    end: datetime
    summary: str
    place: str
    """The address of an in-person session, or empty."""
    join_url: str
    """The client's own link into the video room, or empty."""
    is_confirmed: bool
    description: str = ""
    """Text for the file alone: it has the client's own link to the appointment."""

    def to_ical(self, now: datetime) -> bytes:
        """Return the event as an iCalendar file."""
        calendar = Calendar()
        calendar.add("version", "2.0")
        calendar.add("prodid", "-//Attune//Pages//EN")
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", "PUBLISH")
        entry = Entry()
        entry.add("uid", self.uid)
        entry.add("sequence", self.sequence)
        entry.add("dtstamp", now.astimezone(UTC))
        entry.add("dtstart", self.start.astimezone(UTC))
        entry.add("dtend", self.end.astimezone(UTC))
        entry.add("summary", self.summary)
        if location := self.place or self.join_url:
            entry.add("location", location)
        if self.description:
            entry.add("description", self.description)
        entry.add("status", "CONFIRMED" if self.is_confirmed else "TENTATIVE")
        entry.add("class", "PRIVATE")
        entry.add("transp", "OPAQUE")
        calendar.add_component(entry)
        lines: bytes = calendar.to_ical()
        return lines

    def google(self) -> str:
        """Return a link to Google Calendar's form, filled in."""
        return "https://calendar.google.com/calendar/render?" + urlencode(
            {
                "action": "TEMPLATE",
                "text": self.summary,
                "dates": f"{_utc(self.start)}/{_utc(self.end)}",
                **({"location": self.place} if self.place else {}),
            }
        )

    def outlook(self) -> str:
        """Return a link to Outlook's form, filled in."""
        return "https://outlook.live.com/calendar/0/deeplink/compose?" + urlencode(
            {
                "path": "/calendar/action/compose",
                "rru": "addevent",
                "subject": self.summary,
                "startdt": self.start.astimezone(UTC).isoformat(),
                "enddt": self.end.astimezone(UTC).isoformat(),
                **({"location": self.place} if self.place else {}),
            }
        )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_UTC)
