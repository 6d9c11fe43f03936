"""Compose the email of a notice: text, HTML, and calendar invite (spec NT-2).

The wording of each notice is one template, laid out twice, as text and as HTML. A message says
nothing about the person's care but that there is an appointment: no service, no note, no reason.
"""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2
from notifications.domain.notices import Kind
from notifications.rendering import when, words
from notifications.rendering.headers import POLICY
from notifications.rendering.invite import FILENAME, Invite
from notifications.rendering.letter import Letter, line

_HTML = Environment(
    loader=PackageLoader("notifications"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEXT = _HTML.overlay(autoescape=False)


def compose(letter: Letter) -> EmailMessage:
    """Return the message of a letter; only its date differs each time. Raises UnusableAddress."""
    message = EmailMessage(POLICY)
    message["From"] = Address(letter.practice_name, addr_spec=letter.sender)
    message["To"] = Address(addr_spec=letter.to)
    if letter.replies_to:
        message["Reply-To"] = Address(letter.practice_name, addr_spec=letter.replies_to)
    # The email package would decode what looks like an encoded word, a line break in it as well.
    message["Subject"] = line(_render(_TEXT, letter, "subject.txt")).replace("=?", "= ?")
    message["Date"] = format_datetime(letter.sent_at)
    message["Message-ID"] = f"<{letter.notice_id}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_tidy(_render(_TEXT, letter, "layout.txt")))
    message.add_alternative(_render(_HTML, letter, "layout.html"), subtype="html")
    if invite := _invite(letter):
        _attach(message, invite)
    # Last: what makes parts of a message moves such headers to its first part.
    message["Content-Language"] = letter.reader.language
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
    booking, reader = letter.booking, letter.reader
    return wording.render(
        _=reader.text,
        ngettext=reader.texts,
        paragraphs=_paragraphs,
        layout=layout,
        reader=reader,
        practice=letter.practice_name,
        greeting=words.greeting(letter),
        day=when.short(letter.start, letter.zone, letter.locale),
        times=words.times(letter),
        where=words.where(letter),
        is_for_client=letter.is_for_client,
        other_side=words.other_side(letter),
        is_answered=booking.status != pb.BOOKING_STATUS_REQUESTED,
        is_unconfirmed=letter.is_unconfirmed,
        is_by_client=letter.is_by_client,
        is_approval=letter.is_approval,
        has_message=bool(booking.reason_text),
        can_cancel=words.can_cancel(letter),
        how_to_cancel=words.how_to_cancel(letter),
        contact=words.contact(letter),
        desk=letter.desk,
        manage_url=letter.links.manage,
        join_url="" if letter.is_over else letter.links.join,
        book_url=letter.links.book if letter.is_over and letter.is_for_client else "",
    )


def _invite(letter: Letter) -> Invite | None:
    cancels = letter.kind is Kind.BOOKING_CANCELLED and letter.invited
    if not cancels and not letter.is_invitation:
        return None
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
        location=_location(letter),
        url=letter.links.join or letter.links.manage,
    )


def _location(letter: Letter) -> str:
    """Return the place in a calendar: an address, a link, or that it is a call, to no number."""
    match letter.booking.mode:
        case types_pb2.MODE_IN_PERSON:
            return words.place(letter)
        case types_pb2.MODE_PHONE:
            return letter.reader.text("Phone call")
        case _:
            return letter.links.join


def _title(letter: Letter) -> str:
    """Return what a calendar shows: the other side, a client by their initials alone."""
    text = letter.reader.text
    if letter.is_for_client:
        name = letter.provider_name or letter.practice_name
        return text("Appointment with %(name)s", name=name)
    names = re.findall(r"\w+", letter.booking.contact.name)
    initials = " ".join(f"{name[0].upper()}." for name in (*names[:1], *names[1:][-1:]))
    return text("Session: %(name)s", name=initials or letter.practice_name)


def _description(letter: Letter) -> str:
    """Return where the reader sees to the booking, and how to reach the practice."""
    view = letter.reader.text("View or change: %(link)s", link=letter.links.manage)
    return "\n".join(filter(None, (view, words.contact(letter))))


def _paragraphs(lead: str | Markup) -> list[str | Markup]:
    """Return the lines of a lead: each is a paragraph."""
    return [paragraph for each in lead.splitlines() if (paragraph := each.strip())]


def _tidy(text: str) -> str:
    """Return a text part without needless blank lines, and with plain spaces alone."""
    return re.sub(r"\n{3,}", "\n\n", text.replace(when.NO_BREAK, " ")).strip() + "\n"
