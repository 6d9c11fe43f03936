"""The console's page of one booking, and what staff can do with it.

Booking judges every action. Clinicians see only their own bookings (spec CL-3).
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.booking.v1 import booking_pb2 as pb
from common import zones
from common.errors import Conflict, Invalid, NotAllowed, Refused, Stale
from common.rpc import access, identity
from common.rpc.access import Reach
from gateway.backends import bookings, clients, notices, rooms
from gateway.pages.console import lists, texts
from gateway.pages.console import practice as practices
from gateway.pages.console.frame import for_form, for_staff, frame
from gateway.pages.shared import forms, labels
from gateway.pages.shared.language import text
from gateway.web import links, problems

_ACTIONS: Mapping[str, Callable[..., pb.Booking]] = {
    "confirm": bookings.confirm,
    "start": bookings.start,
    "complete": bookings.complete,
    "reopen": lambda booking_id, *, request_id: bookings.reopen(
        booking_id, version=forms.sent_version(), request_id=request_id
    ),
    "decline-cancellation": bookings.decline_cancellation,
    "update-client": bookings.update_client,
}


def register(pages: Blueprint) -> None:
    """Add the routes."""
    booking = f"{lists.ALL}/<booking_id>"
    pages.add_url_rule(booking, "console_booking", details)
    for name in _ACTIONS:
        pages.add_url_rule(
            f"{booking}/{name}", f"console_{name}", act, methods=["POST"], defaults={"name": name}
        )
    for name in ("cancel", "decline"):
        pages.add_url_rule(f"{booking}/{name}", f"ask_{name}", ask, defaults={"name": name})
        pages.add_url_rule(
            f"{booking}/{name}", f"console_{name}", end, methods=["POST"], defaults={"name": name}
        )


@for_staff
def details(booking_id: str) -> BaseResponse:
    """Show one booking."""
    return Response(_details(bookings.get(booking_id), said=texts.done()))


def _act_again(problem: str, booking_id: str, name: str) -> str:
    return _details(bookings.get(booking_id), problem=problem)


@for_form(_act_again)
def act(booking_id: str, name: str) -> BaseResponse:
    """Do something with a booking; then show it, or the list that the form was on."""
    try:
        _ACTIONS[name](booking_id, request_id=forms.sent_request_id())
    except (Conflict, Invalid, Refused, Stale) as failure:
        page = _details(bookings.get(booking_id), problem=labels.failure(failure))
        return Response(page, problems.status_of(failure))
    path = lists.path_of(request.form.get("back", ""), booking_id)
    return redirect(f"{path}said={name}", HTTPStatus.SEE_OTHER)


@for_staff
def ask(booking_id: str, name: str) -> BaseResponse:
    """Ask for the reason before a booking is cancelled or declined."""
    booking = bookings.get(booking_id)
    values = {"tell": "yes"}
    if booking.cancellation_requested:
        values["reason"] = str(pb.CANCELLATION_REASON_CLIENT_REQUEST)
    return Response(_ask(booking, name, values, {}))


def _end_again(problem: str, booking_id: str, name: str) -> str:
    return _ask(bookings.get(booking_id), name, request.form, {"": problem})


@for_form(_end_again)
def end(booking_id: str, name: str) -> BaseResponse:
    """Cancel or decline a booking."""
    reason = request.form.get("reason", "")
    if name == "cancel" and reason not in {str(number) for number, _ in labels.reasons()}:
        errors = {"reason": text("Choose a reason.")}
        page = _ask(bookings.get(booking_id), name, request.form, errors)
        return Response(page, HTTPStatus.BAD_REQUEST)
    try:
        _end(booking_id, name, reason)
    except (Conflict, Invalid, NotAllowed, Refused, Stale) as failure:
        where = "words" if failure.field == "reason_text" else ""
        errors = {where: labels.failure(failure)}
        page = _ask(bookings.get(booking_id), name, request.form, errors)
        return Response(page, problems.status_of(failure))
    return redirect(f"{lists.ALL}/{booking_id}?said={name}", HTTPStatus.SEE_OTHER)


def _end(booking_id: str, name: str, reason: str) -> None:
    reason_text, request_id = request.form.get("words", ""), forms.sent_request_id()
    if name == "decline":
        bookings.decline(booking_id, reason_text, request_id=request_id)
        return
    bookings.cancel(
        booking_id,
        int(reason),  # type: ignore[arg-type]  # one of `labels.reasons`
        reason_text,
        tell_client=request.form.get("tell") == "yes",
        request_id=request_id,
    )


def _details(booking: pb.Booking, said: str = "", problem: str = "") -> str:
    practice = practices.of_account()
    client_zone = booking.contact.timezone
    join_token = rooms.join_token(booking, identity.caller())
    return render_template(
        "console/booking.html",
        **frame(practice, "booking"),
        booking=booking,
        path=f"{lists.ALL}/{booking.booking_id}",
        provider=next(
            (p for p in practice.providers if p.provider_id == booking.provider_id),
            availability.Provider(),
        ),
        zone=practice.zone,
        client_zone=zones.zone(client_zone if client_zone in zones.NAMES else practice.zone_name),
        join_url=links.join(join_token) if join_token else "",
        undelivered=texts.undelivered(notices.of_booking_or_none(booking.booking_id)),
        differs=clients.differs(booking),
        may_update_client=access.reach(identity.caller(), "clients:change") is Reach.PRACTICE,
        said=said,
        problem=problem,
    )


def _ask(
    booking: pb.Booking, name: str, values: Mapping[str, str], errors: Mapping[str, str]
) -> str:
    practice = practices.of_account()
    is_cancel = name == "cancel"
    return render_template(
        "console/end.html",
        **frame(practice, "booking"),
        booking=booking,
        path=f"{lists.ALL}/{booking.booking_id}",
        zone=practice.zone,
        **_question(booking, is_cancel),
        reasons=labels.reasons() if is_cancel else [],
        values=values,
        errors=errors,
    )


def _question(booking: pb.Booking, is_cancel: bool) -> dict[str, str]:
    """Return the words of the page that asks before a booking is canceled or declined."""
    if not is_cancel:
        return {
            "heading": text("Decline this request?"),
            "button": text("Decline request"),
            "back": text("Back to the request"),
        }
    if booking.cancellation_requested:
        return {
            "heading": text("Approve this cancellation?"),
            "button": text("Approve cancellation"),
            "back": text("Back to the booking"),
        }
    return {
        "heading": text("Cancel this booking?"),
        "button": text("Cancel booking"),
        "back": text("Keep booking"),
    }
