"""The pages' words for statuses, modes, changes, and failures of bookings."""

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
    """Return the label of a mode."""
    words: dict[int, str] = {
        types.MODE_TELEHEALTH: text("Telehealth (video call)"),
        types.MODE_IN_PERSON: text("In person"),
        types.MODE_PHONE: text("By phone"),
    }
    return words.get(value, "")


def is_withdrawn(booking: pb.Booking) -> bool:
    """Return whether the client took back a request before the practice answered.

    Only a booking with its history tells.
    """
    return booking.cancelled_by == pb.CANCELLED_BY_CLIENT and was_request(booking)


def was_request(booking: pb.Booking) -> bool:
    """Return whether a booking with its history was never confirmed."""
    changes = {entry.change for entry in booking.history}
    return "requested" in changes and "confirmed" not in changes


def status(booking: pb.Booking) -> Status:
    """Return the label of a booking's status, the same for clients and staff."""
    if is_withdrawn(booking):
        return Status(text("Withdrawn"), "")
    words: dict[int, Status] = {
        pb.BOOKING_STATUS_REQUESTED: Status(text("Requested"), "warn"),
        pb.BOOKING_STATUS_CONFIRMED: Status(text("Confirmed"), "good"),
        pb.BOOKING_STATUS_IN_PROGRESS: Status(text("In progress"), "brand"),
        pb.BOOKING_STATUS_COMPLETED: Status(text("Completed"), ""),
        pb.BOOKING_STATUS_CANCELLED: Status(text("Canceled"), "bad"),
        pb.BOOKING_STATUS_DECLINED: Status(text("Declined"), "bad"),
        pb.BOOKING_STATUS_EXPIRED: Status(text("Expired"), ""),
        pb.BOOKING_STATUS_NO_SHOW: Status(text("No-show"), "bad"),
    }
    return words.get(booking.status, Status("", ""))


def payment(value: int) -> str:
    """Return the label of a payment status."""
    words: dict[int, str] = {
        pb.PAYMENT_STATUS_NOT_BILLED: text("Not billed yet"),
        pb.PAYMENT_STATUS_DUE: text("Due"),
        pb.PAYMENT_STATUS_PAID: text("Paid"),
        pb.PAYMENT_STATUS_PARTLY_PAID: text("Partly paid"),
        pb.PAYMENT_STATUS_REFUNDED: text("Refunded"),
        pb.PAYMENT_STATUS_FAILED: text("Payment failed"),
    }
    return words.get(value, "")


def client_status(value: int) -> str:
    """Return the label of a client's status."""
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
        "expired": text("Expired without a response"),
        "cancelled": text("Canceled"),
        "cancellation_requested": text("Cancellation requested"),
        "cancellation_declined": text("Cancellation request declined"),
        "started": text("Session started"),
        "in_progress": text("Session started"),
        "completed": text("Session completed"),
        "reopened": text("Session reopened"),
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
        (pb.CANCELLATION_REASON_CLIENT_REQUEST, text("Client asked to cancel")),
        (pb.CANCELLATION_REASON_PROVIDER_ILL, text("Provider is ill")),
        (pb.CANCELLATION_REASON_PROVIDER_UNAVAILABLE, text("Provider is unavailable")),
        (pb.CANCELLATION_REASON_EMERGENCY, text("Emergency")),
        (pb.CANCELLATION_REASON_BOOKED_BY_MISTAKE, text("Booked by mistake")),
        (pb.CANCELLATION_REASON_OTHER, text("Other reason")),
    ]


def cancelled(booking: pb.Booking) -> str:
    """Return who cancelled or declined a booking, and why."""
    if booking.status == pb.BOOKING_STATUS_DECLINED:
        return text("Declined by the practice")
    if is_withdrawn(booking):
        return text("Request withdrawn by the client")
    if booking.cancelled_by == pb.CANCELLED_BY_CLIENT:
        return text("Canceled by the client")
    who, why = text("Canceled by the practice"), dict(reasons()).get(booking.cancellation_reason)
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
        "TOO_SOON": text("It's too late to book this time online."),
        "TOO_FAR": text("This time is too far ahead to book yet."),
        "NOT_OFFERED": text("This time is no longer available."),
        "SELF_SCHEDULING_OFF": text("Online booking is closed right now."),
        "CLIENT_STATUS_NOT_ALLOWED": text("Online booking isn't open to you yet."),
        "REQUEST_ID_REUSED": text(
            "You already sent this form with different details. Send it again to submit these too."
        ),
        "CANCELLATION_NOT_ALLOWED": text("This appointment can't be canceled online."),
        "CANCELLATION_TOO_LATE": text("It's too late to cancel online."),
        "SESSION_TOO_EARLY": text(
            "It's too early. You can start a session up to 15 minutes before its planned start, and"
            " complete it once that time has come."
        ),
        "REOPEN_TOO_LATE": text(
            "It's too late to undo this. A start or completion can be undone for 15 minutes."
        ),
        "NO_CANCELLATION_REQUESTED": text("The client isn't asking to cancel this booking."),
        "WRONG_CREDENTIALS": text("Incorrect email or password."),
        "TOO_MANY_ATTEMPTS": text("Too many attempts. Wait a few minutes, then try again."),
        "CROSS_SITE": text(
            "This page was open for too long, or your browser blocks cookies. Please send the form"
            " again."
        ),
        "UNAVAILABLE": text("We can't reach part of Attune right now. Try again in a moment."),
        "DEADLINE_EXCEEDED": text("That took too long. Try again in a moment."),
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
        "INVALID_WEBSITE": text("Enter the address of a website, such as https://example.com."),
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
