"""The pages' words for statuses, modes, changes, and failures."""

from dataclasses import dataclass

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common.errors import DomainError
from gateway.pages.shared.language import text, texts

_MINUTE = 60  # seconds


@dataclass(frozen=True)
class Status:
    """A status in words, with the tone that decides its icon and color."""

    words: str
    tone: str


def mode(value: int) -> str:
    words: dict[int, str] = {
        types.MODE_TELEHEALTH: text("Telehealth (video call)"),
        types.MODE_IN_PERSON: text("In person"),
        types.MODE_PHONE: text("By phone"),
    }
    return words.get(value, "")


def status(booking: pb.Booking) -> Status:
    """Return the label of a booking's status, the same for clients and staff."""
    words: dict[int, Status] = {
        pb.BOOKING_STATUS_REQUESTED: Status(text("Requested"), "warn"),
        pb.BOOKING_STATUS_CONFIRMED: Status(text("Confirmed"), "good"),
        pb.BOOKING_STATUS_IN_PROGRESS: Status(text("In progress"), "brand"),
        pb.BOOKING_STATUS_COMPLETED: Status(text("Completed"), ""),
        pb.BOOKING_STATUS_CANCELLED: Status(text("Cancelled"), "bad"),
        pb.BOOKING_STATUS_DECLINED: Status(text("Declined"), "bad"),
        pb.BOOKING_STATUS_EXPIRED: Status(text("Expired"), ""),
        pb.BOOKING_STATUS_NO_SHOW: Status(text("No-show"), "bad"),
    }
    return words.get(booking.status, Status("", ""))


def payment(value: int) -> str:
    words: dict[int, str] = {
        pb.PAYMENT_STATUS_NOT_BILLED: text("Nothing to pay yet"),
        pb.PAYMENT_STATUS_DUE: text("Due"),
        pb.PAYMENT_STATUS_PAID: text("Paid"),
        pb.PAYMENT_STATUS_PARTLY_PAID: text("Partly paid"),
        pb.PAYMENT_STATUS_REFUNDED: text("Refunded"),
        pb.PAYMENT_STATUS_FAILED: text("Payment failed"),
    }
    return words.get(value, "")


def client_status(value: int) -> str:
    words: dict[int, str] = {
        types.CLIENT_STATUS_NEW: text("New"),
        types.CLIENT_STATUS_ACTIVE: text("Active"),
        types.CLIENT_STATUS_INACTIVE: text("Inactive"),
    }
    return words.get(value, "")


def change(entry: pb.HistoryEntry) -> str:
    """Return the label of a change; an unknown change is shown as it is."""
    known = {
        "requested": text("Requested"),
        "confirmed": text("Confirmed"),
        "declined": text("Declined"),
        "expired": text("Expired without an answer"),
        "cancelled": text("Cancelled"),
        "cancellation_requested": text("Cancellation asked for"),
        "cancellation_declined": text("Cancellation refused"),
        "started": text("Session started"),
        "in_progress": text("Session started"),
        "completed": text("Session completed"),
    }
    return known.get(entry.change, entry.change.replace("_", " ").capitalize())


def actor(entry: pb.HistoryEntry, *, own: bool = False) -> str:
    """Return who made a change; with `own`, the reader is the client of the booking."""
    client = text("You") if own else text("Client")
    known = {"client": client, "practice": text("Practice"), "system": text("Attune")}
    return known.get(entry.actor, entry.actor.capitalize())


def reasons() -> list[tuple[int, str]]:
    """Return the reasons from which staff choose when they cancel (spec CN-1)."""
    return [
        (pb.CANCELLATION_REASON_CLIENT_REQUEST, text("The client asked for it")),
        (pb.CANCELLATION_REASON_PROVIDER_ILL, text("The provider is ill")),
        (pb.CANCELLATION_REASON_PROVIDER_UNAVAILABLE, text("The provider is not available")),
        (pb.CANCELLATION_REASON_EMERGENCY, text("An emergency")),
        (pb.CANCELLATION_REASON_BOOKED_BY_MISTAKE, text("Booked by mistake")),
        (pb.CANCELLATION_REASON_OTHER, text("Another reason")),
    ]


def cancelled(booking: pb.Booking) -> str:
    """Return who cancelled or declined a booking, and why."""
    if booking.status == pb.BOOKING_STATUS_DECLINED:
        return text("Declined by the practice")
    by_client = booking.cancelled_by == pb.CANCELLED_BY_CLIENT
    who = text("Cancelled by the client") if by_client else text("Cancelled by the practice")
    why = dict(reasons()).get(booking.cancellation_reason, "")
    return f"{who}: {why}" if why else who


def wait(seconds: int) -> str:
    """Return when a person who was refused for too many requests can try again."""
    if seconds <= _MINUTE:
        return texts("Try again in %(num)d second.", "Try again in %(num)d seconds.", seconds)
    minutes = -(-seconds // _MINUTE)
    return texts("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes)


def failure(error: DomainError) -> str:
    """Return the text for a failure, or the service's own message if we have none."""
    reason = _SAME_TEXT.get(error.reason, error.reason)
    known = _field_texts() | {
        "SLOT_TAKEN": text("This time was just booked."),
        "TOO_SOON": text("This time is too soon to be booked online."),
        "TOO_FAR": text("This time is too far ahead to be booked yet."),
        "NOT_OFFERED": text("This time is no longer offered."),
        "SELF_SCHEDULING_OFF": text(
            "Online booking is closed at the moment. Please contact the practice."
        ),
        "CLIENT_STATUS_NOT_ALLOWED": text(
            "Online booking is not open to you yet. Please contact the practice."
        ),
        "REQUEST_ID_REUSED": text(
            "This form was sent before, with something else in it. Send it again to book this too."
        ),
        "CANCELLATION_NOT_ALLOWED": text(
            "The practice takes cancellations itself. Please get in touch with it."
        ),
        "CANCELLATION_TOO_LATE": text(
            "It is too late to cancel here. Please get in touch with the practice."
        ),
        "SESSION_TOO_EARLY": text(
            "It is too early for this. A session can be started from 15 minutes before its start"
            " on, and completed from its start on."
        ),
        "WRONG_CREDENTIALS": text("The email or the password is not right."),
        "TOO_MANY_ATTEMPTS": text("There were too many attempts. Wait a little, then try again."),
        "CROSS_SITE": text(
            "This page was open for too long, or cookies are off in your browser. Please send it"
            " once more."
        ),
    }
    return known.get(reason, error.message)


def _field_texts() -> dict[str, str]:
    """Return the texts for what was entered in one field, by reason."""
    return {
        "REQUIRED": text("Required."),
        "NAME_REQUIRED": text("Enter your name."),
        "EMAIL_REQUIRED": text("Enter your email address."),
        "PHONE_REQUIRED": text("Enter a phone number. The practice will call you there."),
        "INVALID_EMAIL": text("Enter an email address, such as name@example.com."),
        "UNDELIVERABLE_EMAIL": text(
            "Use only plain letters (A-Z), digits, and common symbols before the @."
        ),
        "INVALID_PHONE": text("Enter a phone number, such as +1 212 555 0100."),
        "PHONE_NEEDS_COUNTRY": text(
            "Start the phone number with + and its country code, such as +1 212 555 0100."
        ),
        "PHONE_TOO_SHORT": text("The phone number is too short. Include the area code."),
        "PHONE_TOO_LONG": text("The phone number is too long. Check its digits."),
        "PHONE_NOT_DIALABLE": text("This phone number does not exist. Check its digits."),
        "UNKNOWN_COUNTRY": text("Use the two capital letters of a country, such as US."),
        "INVALID_WEBSITE": text("Enter the address of a web site, such as https://example.com."),
    }


# Rules that make no difference to a person who wants to book.
_SAME_TEXT = dict.fromkeys(
    (
        "OUTSIDE_HOURS",
        "BLOCK_NOT_ONLINE",
        "OFF_GRID",
        "TYPE_INACTIVE",
        "TYPE_NOT_ONLINE",
        "MODE_NOT_OFFERED",
        "TELEHEALTH_NOT_ENABLED",
    ),
    "NOT_OFFERED",
)
