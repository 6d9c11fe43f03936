"""What a client should know before booking: until when they can cancel online (spec CN-2)."""

from datetime import datetime, timedelta
from typing import NamedTuple

from attune.availability.v1 import availability_pb2 as availability
from gateway.pages.booking.choice import Choice
from gateway.pages.shared import formats
from gateway.pages.shared.language import reader, text, texts


class Terms(NamedTuple):
    """A sentence about cancellation, and whether it deserves a warning."""

    words: str
    is_warning: bool = False


def of_policies(policies: availability.Policies) -> str:
    """Return what holds for bookings in general."""
    span = _length(policies.late_cancellation_minutes)
    if policies.client_cancellation == availability.CLIENT_CANCELLATION_ALLOWED:
        if not span:
            return text("Free to cancel online until your appointment starts.")
        return text("Free to cancel online up to %(span)s before.", span=span)
    if policies.client_cancellation == availability.CLIENT_CANCELLATION_APPROVAL:
        return text("To cancel, ask the practice online up to %(span)s before.", span=span)
    return text("Appointments can't be canceled online. To cancel, contact the practice.")


def of_booking(choice: Choice, start: datetime, now: datetime) -> Terms:
    """Return what holds for a booking of `start` that is made now."""
    policies, practice = choice.policies, choice.profile.practice.name
    if policies.client_cancellation not in (
        availability.CLIENT_CANCELLATION_ALLOWED,
        availability.CLIENT_CANCELLATION_APPROVAL,
    ):
        words = text("This appointment can't be canceled online. To cancel, contact %(practice)s.",
                     practice=practice)  # fmt: skip
        return Terms(words, is_warning=True)
    until = start - timedelta(minutes=policies.late_cancellation_minutes)
    if now > until:
        return Terms(
            text(
                "This appointment can't be canceled online because it starts in less than"
                " %(span)s. To cancel, contact %(practice)s.",
                span=_length(policies.late_cancellation_minutes),
                practice=practice,
            ),
            is_warning=True,
        )
    when = formats.brief(until, choice.shown_zone, reader().locale)
    if policies.client_cancellation == availability.CLIENT_CANCELLATION_APPROVAL:
        return Terms(text("To cancel, ask the practice online until %(when)s.", when=when))
    return Terms(text("Free to cancel online until %(when)s.", when=when))


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if rest:
        return texts("%(num)d minute", "%(num)d minutes", minutes)
    return texts("%(num)d hour", "%(num)d hours", hours) if hours else ""
