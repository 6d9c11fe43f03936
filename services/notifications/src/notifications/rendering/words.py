"""What a message says about its booking: when, where, with whom, and how to cancel.

Nothing that a visitor typed reaches a client's mail, so nobody can send a text to a stranger: a
client's phone number is shown back to them, as digits alone; their name and note are not.
"""

from datetime import UTC

from attune.availability.v1.availability_pb2 import CLIENT_CANCELLATION_APPROVAL
from attune.common.v1 import types_pb2
from common import phones, zones
from notifications.domain.notices import Kind
from notifications.rendering import when
from notifications.rendering.letter import Letter, line


def greeting(letter: Letter) -> str:
    """Return the salutation: a provider's by name, without what follows a comma, such as "PhD"."""
    text = letter.reader.text
    name = letter.provider_name.partition(",")[0].strip()
    if letter.is_for_client or not name:
        return text("Hello,")
    return text("Hi %(name)s,", name=name)


def times(letter: Letter) -> list[str]:
    """Return the time in the zone of the place for a session in person (spec BK-13), then in the
    reader's zone if that shows another time."""
    zones_shown = [letter.zone]
    if letter.booking.mode == types_pb2.MODE_IN_PERSON:
        zones_shown.insert(0, zones.zone(letter.practice.timezone or letter.zone.key))
    spans = [when.span(letter.start, letter.end, zone, letter.locale) for zone in zones_shown]
    return list(dict.fromkeys(spans))


def where(letter: Letter) -> str:
    """Return where the session takes place; empty if there will be none."""
    text, phone = letter.reader.text, phones.shown(letter.booking.contact.phone)
    if letter.is_over:
        return ""
    is_request = letter.kind is Kind.BOOKING_REQUESTED
    match letter.booking.mode:
        case types_pb2.MODE_TELEHEALTH if not letter.is_for_client or letter.links.join:
            return text("Video call")
        case types_pb2.MODE_TELEHEALTH if is_request:
            return text("Video call. You'll get the link once your appointment is confirmed.")
        case types_pb2.MODE_TELEHEALTH:
            return text("Video call. Find the link on your appointment page.")
        case types_pb2.MODE_PHONE if not phone:
            return text("Phone call")
        case types_pb2.MODE_PHONE if letter.is_for_client:
            return text("Phone call. We'll call you at %(phone)s.", phone=phone)
        case types_pb2.MODE_PHONE:
            return text("Phone call. Call the client at %(phone)s.", phone=phone)
        case _ if is_request and letter.is_for_client:
            return text("In person. You'll get the address once your appointment is confirmed.")
        case _:
            return place(letter)


def place(letter: Letter) -> str:
    """Return the address of a session in person."""
    return line(letter.booking.address or letter.practice.address)


def other_side(letter: Letter) -> str:
    """Return the provider's name for a client, and the client's for a provider."""
    return letter.provider_name if letter.is_for_client else line(letter.booking.contact.name)


def how_to_cancel(letter: Letter) -> str:
    """Return how a client can cancel a confirmed booking, and until when (spec CN-2)."""
    booking, text, practice = letter.booking, letter.reader.text, letter.practice_name
    if not booking.HasField("cancel_until_time"):
        return text("Need to cancel? Please contact %(practice)s.", practice=practice)
    if not booking.client_may_cancel:
        return text(
            "Online cancellation has closed. If you can't make it, please contact %(practice)s.",
            practice=practice,
        )
    until = booking.cancel_until_time.ToDatetime(UTC)
    moment = when.moment(until, letter.zone, letter.locale)
    if _needs_approval(letter):
        return text("Need to cancel? You can send a request online until %(when)s.", when=moment)
    return text("Free to cancel online until %(when)s.", when=moment)


def can_cancel(letter: Letter) -> bool:
    """Return whether a client can cancel online now, without asking the practice."""
    return letter.booking.client_may_cancel and not _needs_approval(letter)


def _needs_approval(letter: Letter) -> bool:
    policies = letter.provider.effective_policies
    return policies.client_cancellation == CLIENT_CANCELLATION_APPROVAL


def contact(letter: Letter) -> str:
    """Return how a client reaches the practice; empty if it has neither phone nor email."""
    text, practice = letter.reader.text, letter.practice_name
    phone, email = phones.shown(letter.practice.phone), letter.desk
    if not letter.is_for_client:
        return ""
    if phone and email:
        return text(
            "Questions? Call %(practice)s at %(phone)s, or email %(email)s.",
            practice=practice,
            phone=phone,
            email=email,
        )
    if phone:
        return text("Questions? Call %(practice)s at %(phone)s.", practice=practice, phone=phone)
    if email:
        return text("Questions? Email %(practice)s at %(email)s.", practice=practice, email=email)
    return ""
