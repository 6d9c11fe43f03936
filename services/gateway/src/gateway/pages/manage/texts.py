"""Texts about a client's booking and its cancellation, by what has become of it."""

from dataclasses import dataclass

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import proto
from gateway.pages.manage.opened import Opened
from gateway.pages.shared import context, formats, labels
from gateway.pages.shared.language import reader, text


@dataclass(frozen=True)
class Step:
    """What a client who cannot come can do, in words: `button` sends it, `keep` goes back."""

    heading: str
    button: str
    keep: str
    link: str
    """The text of the link that leads to this step."""


def heading(opened: Opened, new: bool) -> dict[str, str]:
    """Return the heading of the page and the sentence below it."""
    booking = opened.booking
    sent = text("We've sent the details to %(email)s.", email=booking.contact.email)
    title, lead = {
        pb.BOOKING_STATUS_REQUESTED: (
            text("Your request was sent"),
            text("We'll hold the time until the practice replies by email."),
        ),
        pb.BOOKING_STATUS_CONFIRMED: (
            text("Your appointment is confirmed")
            if opened.start > context.now()
            else text("Your appointment"),
            sent if new else "",
        ),
        pb.BOOKING_STATUS_IN_PROGRESS: (text("Your session is in progress"), ""),
        pb.BOOKING_STATUS_COMPLETED: (text("This session has ended"), ""),
        pb.BOOKING_STATUS_CANCELLED: _cancelled(booking),
        pb.BOOKING_STATUS_DECLINED: (
            text("The practice declined this request"),
            text("You're welcome to choose another time."),
        ),
        pb.BOOKING_STATUS_EXPIRED: (
            text("The practice didn't respond in time"),
            text("This request has expired. You're welcome to choose another time."),
        ),
        pb.BOOKING_STATUS_NO_SHOW: (
            text("This appointment was missed"),
            text("The practice marked it as a no-show."),
        ),
    }.get(booking.status, (text("Your appointment"), ""))
    return {"heading": title, "lead": lead}


def _cancelled(booking: pb.Booking) -> tuple[str, str]:
    done = text("There's nothing more you need to do.")
    if labels.is_withdrawn(booking):
        return text("Request withdrawn"), done
    if labels.was_request(booking):
        return text("This request was canceled"), done
    return text("This appointment was canceled"), done


def notice(opened: Opened) -> dict[str, str]:
    """Return title and words about a cancellation that the client asked for; empty if none."""
    booking = opened.booking
    if booking.cancellation_requested:
        return {
            "tone": "warn",
            "title": text("Cancellation requested"),
            "words": text("The practice will reply by email. Until then, your appointment stands."),
        }
    asked = [e.change for e in booking.history if e.change.startswith("cancellation_")]
    if opened.is_upcoming and asked[-1:] == ["cancellation_declined"]:
        return {
            "tone": "warn",
            "title": text("Your cancellation request was declined"),
            "words": text("Your appointment stands as planned."),
        }
    return {}


def reason_title(booking: pb.Booking) -> str:
    """Return the title of the reason that was given for a cancellation or a refusal."""
    if booking.cancelled_by != pb.CANCELLED_BY_CLIENT:
        return text("Message from the practice")
    cancelled = [e.actor for e in booking.history if e.change == "cancelled"]
    # Staff who approve a client's cancellation may put words of theirs in place of the client's.
    return text("Your reason") if cancelled[-1:] == ["client"] else text("Reason")


def step(opened: Opened) -> Step:
    """Return the words for what the client can do to cancel."""
    booking = opened.booking
    if booking.status == pb.BOOKING_STATUS_REQUESTED:
        return Step(
            text("Withdraw your request?"),
            text("Withdraw request"),
            text("Keep request"),
            text("Withdraw request"),
        )
    if booking.cancellation_needs_approval:
        return Step(
            text("Request cancellation?"),
            text("Request cancellation"),
            text("Keep appointment"),
            text("Request cancellation"),
        )
    return Step(
        text("Cancel your appointment?"),
        text("Cancel appointment"),
        text("Keep appointment"),
        text("Cancel appointment"),
    )


def cancel_words(opened: Opened) -> str:
    """Return what the client can do to cancel, and until when."""
    booking, name = opened.booking, opened.profile.practice.name
    if booking.status == pb.BOOKING_STATUS_REQUESTED and booking.client_may_cancel:
        return text("You can withdraw your request until the practice replies.")
    until = proto.instant(booking.cancel_until_time) if booking.cancel_until_time.seconds else None
    when = formats.brief(until, opened.zone, reader().locale) if until else ""
    if booking.client_may_cancel and booking.cancellation_needs_approval:
        return text(
            "You can request cancellation online until %(when)s. The practice will reply by email;"
            " until then, your appointment stands.",
            when=when,
        )
    if booking.client_may_cancel:
        return text("You can cancel online until %(when)s.", when=when)
    reachable = formats.is_reachable(opened.profile.practice)
    if until and until > proto.instant(booking.create_time):
        if reachable:
            return text(
                "Online cancellation closed on %(when)s. To cancel, contact %(practice)s:",
                when=when,
                practice=name,
            )
        return text("Online cancellation closed on %(when)s.", when=when)
    if until:
        if reachable:
            return text(
                "You booked after online cancellation had closed. To cancel, contact %(practice)s:",
                practice=name,
            )
        return text("You booked after online cancellation had closed.")
    if reachable:
        return text("To cancel, contact %(practice)s:", practice=name)
    return text("%(practice)s doesn't take cancellations online.", practice=name)


def room_words(opened: Opened, join_url: str) -> str:
    """Return what to say if the page has no link into the video room; empty if it needs none."""
    booking = opened.booking
    if booking.mode != types.MODE_TELEHEALTH:
        return ""
    if booking.status == pb.BOOKING_STATUS_REQUESTED:
        return text("You'll get the video link once the practice confirms.")
    if join_url or booking.status not in (
        pb.BOOKING_STATUS_CONFIRMED,
        pb.BOOKING_STATUS_IN_PROGRESS,
    ):
        return ""
    return text("Your video link is in the email.")
