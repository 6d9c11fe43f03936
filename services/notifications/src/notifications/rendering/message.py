"""Compose the email of a notice: text, HTML, and calendar invite (spec NT-2).

The wording of each notice is one template, laid out twice, as text and as HTML. A message says
nothing about the person's care but that there is an appointment: no service, no note, no reason.
Nothing that a visitor typed reaches a client's mail, so nobody can send a text to a stranger.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from unicodedata import category
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined

from attune.availability.v1.availability_pb2 import Practice, Provider
from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2
from common import phones, zones
from notifications.domain.addresses import UnusableAddress, mailable
from notifications.domain.notices import Kind, Recipient
from notifications.rendering import when
from notifications.rendering.headers import POLICY
from notifications.rendering.invite import FILENAME, Invite

_HTML = Environment(
    loader=PackageLoader("notifications"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEXT = _HTML.overlay(autoescape=False)

_INVITING = frozenset({Kind.BOOKING_CONFIRMED})
_OVER = frozenset({Kind.BOOKING_DECLINED, Kind.BOOKING_EXPIRED, Kind.BOOKING_CANCELLED})


@dataclass(frozen=True)
class Links:
    """The links of a message: to the booking, the provider's booking page, and the video room."""

    manage: str
    book: str = ""
    join: str = ""


@dataclass(frozen=True)
class Letter:
    """Everything that one message is made of."""

    notice_id: UUID
    kind: Kind
    recipient: Recipient
    booking: pb.Booking
    provider: Provider
    practice: Practice
    links: Links
    sender: str
    sent_at: datetime
    # Whether the reader got an invite before, which a cancellation withdraws. A calendar that never
    # received the invite ignores the withdrawal.
    invited: bool = False

    @property
    def start(self) -> datetime:
        return self.booking.start_time.ToDatetime(UTC)

    @property
    def end(self) -> datetime:
        return self.booking.end_time.ToDatetime(UTC)

    @property
    def to(self) -> str:
        """The reader's address. Raises UnusableAddress."""
        is_client = self.recipient is Recipient.CLIENT
        return mailable(self.booking.contact.email if is_client else self.provider.email)

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone, or the provider's where the reader's is not known."""
        own = self.booking.contact.timezone if self.recipient is Recipient.CLIENT else ""
        wanted = (own, self.provider.timezone, self.booking.timezone)
        return zones.zone(next((name for name in wanted if name in zones.NAMES), "UTC"))

    @property
    def locale(self) -> Locale:
        """The language of the texts with the formats of the reader's region.

        The client's is that of their browser when they booked, the provider's that of the
        practice's country.
        """
        is_client = self.recipient is Recipient.CLIENT
        country = self.practice.country
        return when.locale(self.booking.contact.locale if is_client else f"en-{country}")

    @property
    def withdrawn(self) -> bool:
        """Whether a cancellation withdrew a request that was never confirmed."""
        changes = {entry.change for entry in self.booking.history}
        return self.kind is Kind.BOOKING_CANCELLED and bool(changes) and "confirmed" not in changes

    @property
    def replies_to(self) -> str:
        """The practice's address, to which answers go; empty if it has none."""
        try:
            return mailable(self.practice.email) if self.practice.email else ""
        except UnusableAddress:
            return ""

    @property
    def practice_name(self) -> str:
        return _line(self.practice.name)


def compose(letter: Letter) -> EmailMessage:
    """Return the message of a letter; only its date differs each time. Raises UnusableAddress."""
    message = EmailMessage(POLICY)
    message["From"] = Address(letter.practice_name, addr_spec=letter.sender)
    message["To"] = Address(addr_spec=letter.to)
    if letter.replies_to:
        message["Reply-To"] = Address(letter.practice_name, addr_spec=letter.replies_to)
    message["Subject"] = _line(_render(_TEXT, letter, "subject.txt"))
    message["Date"] = format_datetime(letter.sent_at)
    message["Message-ID"] = f"<{letter.notice_id}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_tidy(_render(_TEXT, letter, "layout.txt")))
    message.add_alternative(_render(_HTML, letter, "layout.html"), subtype="html")
    if invite := _invite(letter):
        _attach(message, invite)
    return message


def _attach(message: EmailMessage, invite: Invite) -> None:
    """Attach an invite twice: as an alternative, which calendars act on, and as a file to open."""
    text = invite.to_ical()
    message.add_alternative(
        text, subtype="calendar", params={"method": invite.method, "name": FILENAME}
    )
    message.add_attachment(text.encode(), maintype="application", subtype="ics", filename=FILENAME)


def _render(environment: Environment, letter: Letter, layout: str) -> str:
    wording = environment.get_template(f"{letter.recipient}/{letter.kind}.j2")
    booking, for_client = letter.booking, letter.recipient is Recipient.CLIENT
    over = letter.kind in _OVER
    return wording.render(
        layout=layout,
        lang=letter.locale.language,
        practice=letter.practice_name,
        day=when.short(letter.start, letter.zone, letter.locale),
        when=_when(letter),
        where="" if over else _where(letter),
        other_role="With" if for_client else "Client",
        other=_line(letter.provider.display_name if for_client else booking.contact.name),
        answered=booking.status != pb.BOOKING_STATUS_REQUESTED,
        withdrawn=letter.withdrawn,
        answers_to=letter.replies_to,
        contact=_contact(letter) if for_client else "",
        message=bool(booking.reason_text),
        cancel_until=_cancel_until(letter),
        by_client=booking.cancelled_by == pb.CANCELLED_BY_CLIENT,
        manage_url=letter.links.manage,
        join_url="" if over else letter.links.join,
        book_url=letter.links.book if over and for_client else "",
    )


def _when(letter: Letter) -> list[str]:
    """Return the time in the zone of the place for a session in person (spec BK-13), then in the
    reader's zone if that shows another time."""
    zones_shown = [letter.zone]
    if letter.booking.mode == types_pb2.MODE_IN_PERSON:
        zones_shown.insert(0, zones.zone(letter.practice.timezone or letter.zone.key))
    spans = [when.span(letter.start, letter.end, zone, letter.locale) for zone in zones_shown]
    return list(dict.fromkeys(spans))


def _cancel_until(letter: Letter) -> str:
    """Return until when the client can cancel online; empty if that is over or not allowed."""
    booking = letter.booking
    if not booking.client_may_cancel or not booking.HasField("cancel_until_time"):
        return ""
    until = booking.cancel_until_time.ToDatetime(UTC)
    return when.moment(until, letter.zone, letter.locale)


def _contact(letter: Letter) -> str:
    practice = letter.practice
    return ", ".join(filter(None, map(_line, (phones.shown(practice.phone), practice.email))))


def _where(letter: Letter) -> str:
    for_client = letter.recipient is Recipient.CLIENT
    match letter.booking.mode:
        case types_pb2.MODE_TELEHEALTH if letter.links.join or not for_client:
            return "Video call"
        case types_pb2.MODE_TELEHEALTH:
            return "Video call. Find the link on your appointment page."
        case types_pb2.MODE_PHONE if for_client:
            return f"Phone call. We'll call you at {phones.shown(letter.booking.contact.phone)}."
        case types_pb2.MODE_PHONE:
            return f"Phone call. Call the client at {phones.shown(letter.booking.contact.phone)}."
        case _:
            return _line(letter.booking.address or letter.practice.address)


def _invite(letter: Letter) -> Invite | None:
    cancels = letter.kind is Kind.BOOKING_CANCELLED and letter.invited
    if not cancels and letter.kind not in _INVITING:
        return None
    in_person = letter.booking.mode == types_pb2.MODE_IN_PERSON
    return Invite(
        method="CANCEL" if cancels else "REQUEST",
        booking_id=UUID(letter.booking.booking_id),
        sequence=letter.booking.version,
        start=letter.start,
        end=letter.end,
        made_at=letter.sent_at,
        summary=_title(letter),
        description=_description(letter),
        organizer=Address(letter.practice_name, addr_spec=letter.replies_to or letter.sender),
        attendee=letter.to,
        location=_where(letter) if in_person else letter.links.join,
        url=letter.links.join or letter.links.manage,
    )


def _title(letter: Letter) -> str:
    """Return what a calendar shows: the other side, a client by their initials alone."""
    if letter.recipient is Recipient.CLIENT:
        return f"Appointment with {_line(letter.provider.display_name)}"
    names = re.findall(r"\w+", letter.booking.contact.name)
    initials = " ".join(f"{name[0].upper()}." for name in (*names[:1], *names[1:][-1:]))
    return f"Session: {initials or letter.practice_name}"


def _description(letter: Letter) -> str:
    """Return where the reader sees to the booking, and how to reach the practice."""
    lines = [f"View or change: {letter.links.manage}"]
    if letter.recipient is Recipient.CLIENT and (contact := _contact(letter)):
        lines.append(f"{letter.practice_name}: {contact}")
    return "\n".join(lines)


def _line(text: str) -> str:
    """Return a text on one line and without control characters, fit for a header.

    Joiners stay: some scripts need them.
    """
    return "".join(c for c in " ".join(text.split()) if category(c) not in {"Cc", "Cs", "Zl", "Zp"})


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
