"""The console: the bookings of a practice, and what staff can do with each.

Booking judges every action. A clinician sees the own bookings alone (spec CL-3).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.booking.v1 import booking_pb2 as pb
from common import zones
from common.errors import DomainError, NotAllowed, NotFound, Unauthenticated, Unavailable
from common.rpc import access, identity
from common.rpc.access import Reach
from gateway.backends import bookings, clients, rooms
from gateway.pages.console import practice as practices
from gateway.pages.console.frame import for_staff, frame
from gateway.pages.shared import context, formats, forms, labels
from gateway.pages.shared.language import text
from gateway.web import links, problems

_HOME = "/console"
_PAGE_SIZE = 50
_LIST_PAGE_SIZE, _MOST_LIST_PAGES = 200, 5
_ACTIVE = (
    pb.BOOKING_STATUS_REQUESTED,
    pb.BOOKING_STATUS_CONFIRMED,
    pb.BOOKING_STATUS_IN_PROGRESS,
)
_OF_TODAY = (*_ACTIVE, pb.BOOKING_STATUS_COMPLETED)

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

_DONE: Mapping[str, Callable[[], str]] = {
    "confirm": lambda: text("Confirmed. The client hears of it by e-mail."),
    "start": lambda: text("The session has started."),
    "complete": lambda: text("The session is completed."),
    "reopen": lambda: text("The session is reopened."),
    "decline-cancellation": lambda: text("The booking stands. The client hears of it by e-mail."),
    "update-client": lambda: text("The client record is updated."),
    "cancel": lambda: text("The booking is cancelled."),
    "decline": lambda: text("Declined. The client hears of it by e-mail."),
}


def register(pages: Blueprint) -> None:
    """Add the routes."""
    booking = f"{_HOME}/bookings/<booking_id>"
    pages.add_url_rule(_HOME, "console", home)
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
def home() -> BaseResponse:
    """Show the requests that wait for an answer, today's bookings, and those to come."""
    practice = practices.of_account()
    zone, now = practice.zone, context.now()
    midnight = _midnight(now, zone)
    tomorrow = _midnight(midnight + timedelta(hours=36), zone)
    upcoming = bookings.page(
        start_from=tomorrow,
        statuses=_ACTIVE,
        size=_PAGE_SIZE,
        token=request.args.get("page", ""),
    )
    waiting = _all(start_from=now, statuses=[pb.BOOKING_STATUS_REQUESTED])
    waiting_ids = {booking.booking_id for booking in waiting}
    of_today = _all(start_from=midnight, start_before=tomorrow, statuses=_OF_TODAY)
    page = render_template(
        "console/home.html",
        **frame(practice, "home"),
        today=now.astimezone(zone).date(),
        zone=zone,
        zone_words=formats.zone_label(now, zone),
        waiting=waiting,
        of_today=[b for b in of_today if b.booking_id not in waiting_ids],
        later=[b for b in upcoming.rows if b.booking_id not in waiting_ids],
        more=upcoming.next_token,
        providers=practice.providers,
        several_providers=len(practice.providers) > 1,
        names=practice.names,
        feeds=practices.feed_links(practice.providers),
        said=_done(),
        problem="",
    )
    return Response(page)


@for_staff
def details(booking_id: str) -> BaseResponse:
    """Show one booking."""
    said = _done()
    return Response(_details(bookings.get(booking_id), said=said))


@for_staff
def act(booking_id: str, name: str) -> BaseResponse:
    """Do something with a booking; then show it, or the list that the form was on."""
    try:
        _ACTIONS[name](booking_id, request_id=forms.sent_request_id())
    except DomainError as failure:
        if isinstance(failure, NotFound | Unavailable | Unauthenticated | NotAllowed):
            raise
        page = _details(bookings.get(booking_id), problem=labels.failure(failure))
        return Response(page, problems.status_of(failure))
    from_list = request.form.get("back") == "home"
    path = _HOME if from_list else f"{_HOME}/bookings/{booking_id}"
    return redirect(f"{path}?said={name}", HTTPStatus.SEE_OTHER)


@for_staff
def ask(booking_id: str, name: str) -> BaseResponse:
    """Ask for the reason before a booking is cancelled or declined."""
    return Response(_ask(bookings.get(booking_id), name, {"tell": "yes"}, {}))


@for_staff
def end(booking_id: str, name: str) -> BaseResponse:
    """Cancel or decline a booking."""
    reason = request.form.get("reason", "")
    if name == "cancel" and reason not in {str(number) for number, _ in labels.reasons()}:
        errors = {"reason": text("Choose a reason.")}
        page = _ask(bookings.get(booking_id), name, request.form, errors)
        return Response(page, HTTPStatus.BAD_REQUEST)
    try:
        _end(booking_id, name, reason)
    except DomainError as failure:
        if isinstance(failure, NotFound | Unavailable | Unauthenticated):
            raise
        where = "words" if failure.field == "reason_text" else ""
        errors = {where: labels.failure(failure)}
        page = _ask(bookings.get(booking_id), name, request.form, errors)
        return Response(page, problems.status_of(failure))
    return redirect(f"{_HOME}/bookings/{booking_id}?said={name}", HTTPStatus.SEE_OTHER)


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


def _all(**wanted: Any) -> list[pb.Booking]:
    """Return all bookings of a list, up to a few pages."""
    found: list[pb.Booking] = []
    token = ""
    for _ in range(_MOST_LIST_PAGES):
        page = bookings.page(size=_LIST_PAGE_SIZE, token=token, **wanted)
        found += page.rows
        if not (token := page.next_token):
            break
    return found


def _done() -> str:
    """Return what the action that led to this page has done."""
    return _DONE.get(request.args.get("said", ""), str)()


def _details(booking: pb.Booking, said: str = "", problem: str = "") -> str:
    practice = practices.of_account()
    client_zone = booking.contact.timezone
    join_token = rooms.join_token(booking, identity.caller())
    return render_template(
        "console/booking.html",
        **frame(practice, "booking"),
        booking=booking,
        path=f"{_HOME}/bookings/{booking.booking_id}",
        provider=next(
            (p for p in practice.providers if p.provider_id == booking.provider_id),
            availability.Provider(),
        ),
        zone=practice.zone,
        client_zone=zones.zone(client_zone if client_zone in zones.NAMES else practice.zone_name),
        join_url=links.join(join_token) if join_token else "",
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
        path=f"{_HOME}/bookings/{booking.booking_id}",
        zone=practice.zone,
        heading=text("Cancel this booking?") if is_cancel else text("Decline this request?"),
        button=text("Cancel booking") if is_cancel else text("Decline request"),
        reasons=labels.reasons() if is_cancel else [],
        values=values,
        errors=errors,
    )


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
