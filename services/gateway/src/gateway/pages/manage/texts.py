"""Texts about a booking and its cancellation."""

from attune.availability.v1 import availability_pb2 as availability
from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import proto
from gateway.pages.manage.opened import Opened
from gateway.pages.shared import formats
from gateway.pages.shared.language import reader, text


def heading(opened: Opened, new: bool) -> dict[str, str]:
    """Return the heading of the page and the sentence below it."""
    booking = opened.booking
    sent = text("We have sent the details to %(email)s.", email=booking.contact.email)
    title, lead = {
        pb.BOOKING_STATUS_REQUESTED: (
            text("Your request was sent"),
            text("The practice will answer by e-mail. Until then the time is kept for you."),
        ),
        pb.BOOKING_STATUS_CONFIRMED: (
            text("Your appointment is confirmed"),
            sent if new else "",
        ),
        pb.BOOKING_STATUS_IN_PROGRESS: (text("Your session is under way"), ""),
        pb.BOOKING_STATUS_COMPLETED: (text("This session is over"), ""),
        pb.BOOKING_STATUS_CANCELLED: (
            text("This appointment is cancelled"),
            text("There is nothing more to do."),
        ),
        pb.BOOKING_STATUS_DECLINED: (
            text("The practice could not take this request"),
            text("You are welcome to look for another time."),
        ),
        pb.BOOKING_STATUS_EXPIRED: (
            text("This request was not answered in time"),
            text("You are welcome to look for another time."),
        ),
    }.get(booking.status, (text("Your appointment"), ""))
    return {"heading": title, "lead": lead}


def cancel_words(opened: Opened) -> str:
    """Return what the client can do to cancel, and until when."""
    booking, locale = opened.booking, reader().locale
    if booking.cancellation_requested:
        return text("You have asked for cancellation; the practice will answer by e-mail.")
    if booking.status == pb.BOOKING_STATUS_REQUESTED and booking.client_may_cancel:
        return text("You can withdraw the request as long as it is not answered.")
    until = proto.instant(booking.cancel_until_time) if booking.cancel_until_time.seconds else None
    when = formats.brief(until, opened.zone, locale) if until else ""
    if booking.client_may_cancel and needs_approval(opened):
        return text(
            "Until %(when)s you can ask for cancellation here. The practice will answer by"
            " e-mail; until then the appointment stands.",
            when=when,
        )
    if booking.client_may_cancel:
        return text("You can cancel here until %(when)s.", when=when)
    if until:
        return text(
            "It could be cancelled here until %(when)s. That has passed: please get in touch with"
            " %(practice)s if you cannot come.",
            when=when,
            practice=opened.profile.practice.name,
        )
    return text(
        "%(practice)s takes cancellations itself: please get in touch if you cannot come.",
        practice=opened.profile.practice.name,
    )


def needs_approval(opened: Opened) -> bool:
    """Return whether the practice has to approve a cancellation by the client."""
    policies = opened.profile.provider.effective_policies
    is_request = opened.booking.status == pb.BOOKING_STATUS_REQUESTED
    approval = availability.CLIENT_CANCELLATION_APPROVAL
    return not is_request and policies.client_cancellation == approval


def room_words(opened: Opened, join_url: str) -> str:
    """Return what to say if the page has no link into the video room; empty if it needs none."""
    booking = opened.booking
    if booking.mode != types.MODE_TELEHEALTH:
        return ""
    if booking.status == pb.BOOKING_STATUS_REQUESTED:
        return text("You get the link to the video room once the practice has confirmed.")
    if join_url or booking.status not in (
        pb.BOOKING_STATUS_CONFIRMED,
        pb.BOOKING_STATUS_IN_PROGRESS,
    ):
        return ""
    return text("Your link to the video room is in the e-mail.")
