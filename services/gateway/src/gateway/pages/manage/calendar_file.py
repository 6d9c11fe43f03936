"""One appointment for a client's calendar: a file (RFC 5545), or a link into Google's or Outlook's.

Its UID is that of the invite by email, so that both are one entry.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

_LINE = 75  # octets
_UTC = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Event:
    """The appointment as a calendar shows it."""

    uid: str
    sequence: int
    start: datetime
    end: datetime
    summary: str
    location: str

    def to_ical(self, now: datetime) -> bytes:
        """Return the event as an iCalendar file."""
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Attune//Pages//EN",
            "CALSCALE:GREGORIAN",
            "METHOD:PUBLISH",
            "BEGIN:VEVENT",
            f"UID:{self.uid}",
            f"SEQUENCE:{self.sequence}",
            f"DTSTAMP:{_utc(now)}",
            f"DTSTART:{_utc(self.start)}",
            f"DTEND:{_utc(self.end)}",
            f"SUMMARY:{_escaped(self.summary)}",
            *([f"LOCATION:{_escaped(self.location)}"] if self.location else []),
            "STATUS:CONFIRMED",
            "CLASS:PRIVATE",
            "TRANSP:OPAQUE",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        return b"".join(_folded(line) for line in lines)

    def google(self) -> str:
        """Return a link to Google Calendar's form, filled in."""
        return "https://calendar.google.com/calendar/render?" + urlencode(
            {
                "action": "TEMPLATE",
                "text": self.summary,
                "dates": f"{_utc(self.start)}/{_utc(self.end)}",
                "location": self.location,
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
                "location": self.location,
            }
        )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_UTC)


def _escaped(text: str) -> str:
    for found, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(found, written)
    return text.replace("\r", "")


def _folded(line: str) -> bytes:
    """Fold a line after 75 octets, never inside a character, and end it with CRLF."""
    made, room = bytearray(), _LINE
    for character in line:
        octets = character.encode()
        if len(octets) > room:
            made += b"\r\n "
            room = _LINE - 1
        made += octets
        room -= len(octets)
    return bytes(made) + b"\r\n"
