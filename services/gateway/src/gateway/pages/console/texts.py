"""Texts of the console: what an action has done, and which emails did not arrive."""

from collections.abc import Callable, Iterable, Mapping

from flask import request

from attune.notifications.v1 import notice_service_pb2 as pb
from gateway.pages.shared.language import text

_DONE: Mapping[str, Callable[[], str]] = {
    "confirm": lambda: text("Confirmed. We're emailing the client."),
    "start": lambda: text("Session started."),
    "complete": lambda: text("Session completed."),
    "reopen": lambda: text("Session reopened."),
    "decline-cancellation": lambda: text("The booking stands. We're emailing the client."),
    "update-client": lambda: text("The client record was updated."),
    "cancel": lambda: text("The booking was canceled."),
    "decline": lambda: text("Declined. We're emailing the client."),
}


def done() -> str:
    """Return what the action that led to this page has done."""
    return _DONE.get(request.args.get("said", ""), str)()


def undelivered(notices: Iterable[pb.Notice]) -> list[tuple[str, str]]:
    """Return tone and text for each email about a booking that has not arrived.

    An email that is still being tried for the first time is not among them.
    """
    found = []
    for notice in notices:
        values = {"email": _email(notice), "why": _why(notice.error)}
        if notice.state == pb.NOTICE_STATE_FAILED:
            found.append(("bad", text("%(email)s couldn't be delivered: %(why)s.", **values)))
        elif notice.state == pb.NOTICE_STATE_QUEUED and notice.error:
            words = text(
                "%(email)s hasn't been delivered yet: %(why)s. We'll keep trying.", **values
            )
            found.append(("warn", words))
    return found


def _email(notice: pb.Notice) -> str:
    """Return what an email is about, and to whom it goes."""
    to_client = {
        "booking_requested": text("The email to the client about the request"),
        "booking_confirmed": text("The confirmation email to the client"),
        "booking_declined": text("The email to the client that the request was declined"),
        "booking_expired": text("The email to the client that the request expired"),
        "booking_cancelled": text("The cancellation email to the client"),
        "cancellation_declined": text("The email to the client that the booking stands"),
    }
    to_provider = {
        "booking_requested": text("The email to the provider about the request"),
        "booking_confirmed": text("The confirmation email to the provider"),
        "booking_cancelled": text("The cancellation email to the provider"),
        "cancellation_requested": text("The email to the provider that the client asked to cancel"),
    }
    if notice.recipient == "provider":
        return to_provider.get(notice.kind, text("An email to the provider"))
    return to_client.get(notice.kind, text("An email to the client"))


def _why(error: str) -> str:
    """Return why an attempt failed; `error` has a reason, a class, and a code of SMTP."""
    reason, _, rest = error.partition(" ")
    code = rest.rpartition(" ")[2] if rest else ""
    if reason == "UNUSABLE_ADDRESS":
        return text("mail can't be sent to this address")
    if reason == "MAIL_REFUSED":
        if code in _NO_SUCH_MAILBOX:
            return text("the mail server says this address doesn't exist (code %(n)s)", n=code)
        if code == "552":
            return text("the mailbox is full (code 552)")
        return text("the mail server refused the message (code %(n)s)", n=code)
    if reason == "MAIL_SERVER_UNAVAILABLE":
        return text("the mail server isn't taking messages right now")
    return text("something went wrong on our end")


_NO_SUCH_MAILBOX = frozenset({"550", "551", "553"})  # RFC 5321, section 4.2.3
