"""The console: the bookings of a practice, and what staff can do with each. Every action is judged
in booking; a clinician sees what is theirs (spec CL-3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from http import HTTPStatus
from itertools import islice
from typing import Any, ParamSpec
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.availability.v1 import provider_service_pb2 as availability_rpc
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.calendar_sync.v1 import feed_service_pb2 as calendar_rpc
from common import zones
from common.errors import DomainError, NotAllowed, NotFound, Unauthenticated, Unavailable
from common.rpc import identity
from common.rpc.identity import Identity
from gateway import limits, links, problems, sessions, times
from gateway.api import bookings
from gateway.backends import backends
from gateway.pages import context, formats, labels
from gateway.pages.language import text

_HOME = "/console"
_PAGE = 50
_FEEDS = 5
_ACTIVE = (
    pb.BOOKING_STATUS_REQUESTED,
    pb.BOOKING_STATUS_CONFIRMED,
    pb.BOOKING_STATUS_IN_PROGRESS,
)
_OF_TODAY = (*_ACTIVE, pb.BOOKING_STATUS_COMPLETED)

Params = ParamSpec("Params")
View = Callable[Params, BaseResponse]


def register(pages: Blueprint) -> None:
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


def for_staff(view: Callable[Params, BaseResponse]) -> Callable[Params, BaseResponse]:
    """A view for whoever has signed in, whose calls are made as that account. A form must come
    from a page of ours."""

    @wraps(view)
    def wrapped(*args: Params.args, **kwargs: Params.kwargs) -> BaseResponse:
        here = sessions.current()
        if here is None:
            wanted = {"next": request.full_path.rstrip("?")} if request.method == "GET" else {}
            return redirect(f"/signin?{urlencode(wanted)}".rstrip("?"), HTTPStatus.SEE_OTHER)
        if request.method == "POST":
            sessions.require_csrf()
        with identity.acting_as(here.identity):
            if request.method == "POST":
                limits.count("writes")
            return view(*args, **kwargs)

    return wrapped


@dataclass(frozen=True)
class Practice:
    """The practice of whoever is signed in, and those of its providers whom they see."""

    practice: availability.Practice
    providers: tuple[availability.Provider, ...]
    zone_name: str

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def names(self) -> dict[str, str]:
        return {p.provider_id: p.display_name for p in self.providers}


@for_staff
def home() -> BaseResponse:
    """What waits for an answer, today's bookings and those to come."""
    practice = _practice()
    zone, now = practice.zone, context.now()
    midnight = _midnight(now, zone)
    tomorrow = _midnight(midnight + timedelta(hours=36), zone)
    upcoming = backends().bookings.ListBookings(
        rpc.ListBookingsRequest(
            from_time=times.stamp(tomorrow),
            statuses=_ACTIVE,
            page_size=_PAGE,
            page_token=request.args.get("page", ""),
        )
    )
    waiting = _listed(from_time=times.stamp(now), statuses=[pb.BOOKING_STATUS_REQUESTED])
    asked = {booking.booking_id for booking in waiting}
    of_today = _listed(
        from_time=times.stamp(midnight), to_time=times.stamp(tomorrow), statuses=_OF_TODAY
    )
    page = render_template(
        "console.html",
        **_frame(practice, "home"),
        today=now.astimezone(zone).date(),
        zone=zone,
        zone_words=formats.zone_label(now, zone),
        waiting=waiting,
        of_today=[b for b in of_today if b.booking_id not in asked],
        later=[b for b in upcoming.bookings if b.booking_id not in asked],
        more=upcoming.next_page_token,
        providers=practice.providers,
        several_providers=len(practice.providers) > 1,
        names=practice.names,
        feeds=_feeds(practice.providers),
        said=_SAID.get(request.args.get("said", ""), str)(),
        problem="",
    )
    return Response(page)


@for_staff
def details(booking_id: str) -> BaseResponse:
    """One booking."""
    said = _SAID.get(request.args.get("said", ""), str)()
    return Response(_details(_booking(booking_id), said=said))


@for_staff
def act(booking_id: str, name: str) -> BaseResponse:
    """Do something with a booking; then show it, or the list it was done from."""
    try:
        _ACTIONS[name](booking_id)
    except DomainError as failure:
        if isinstance(failure, NotFound | Unavailable | Unauthenticated):
            raise
        page = _details(_booking(booking_id), problem=labels.failure(failure))
        return Response(page, problems.status_of(failure))
    from_list = request.form.get("back") == "home"
    path = _HOME if from_list else f"{_HOME}/bookings/{booking_id}"
    return redirect(f"{path}?said={name}", HTTPStatus.SEE_OTHER)


@for_staff
def ask(booking_id: str, name: str) -> BaseResponse:
    """Why, before a booking is cancelled or declined."""
    return Response(_ask(_booking(booking_id), name, {"tell": "yes"}, {}))


@for_staff
def end(booking_id: str, name: str) -> BaseResponse:
    """Cancel or decline."""
    reason = request.form.get("reason", "")
    if name == "cancel" and reason not in {str(number) for number, _ in labels.reasons()}:
        errors = {"reason": text("Choose a reason.")}
        page = _ask(_booking(booking_id), name, request.form, errors)
        return Response(page, HTTPStatus.BAD_REQUEST)
    try:
        _end(booking_id, name, reason)
    except DomainError as failure:
        if isinstance(failure, NotFound | Unavailable | Unauthenticated):
            raise
        where = "words" if failure.field == "reason_text" else ""
        errors = {where: labels.failure(failure)}
        page = _ask(_booking(booking_id), name, request.form, errors)
        return Response(page, problems.status_of(failure))
    return redirect(f"{_HOME}/bookings/{booking_id}?said={name}", HTTPStatus.SEE_OTHER)


def _end(booking_id: str, name: str, reason: str) -> None:
    words = request.form.get("words", "")
    if name == "decline":
        declined = rpc.DeclineBookingRequest(booking_id=booking_id, reason_text=words)
        backends().bookings.DeclineBooking(declined)
        return
    backends().bookings.CancelBooking(
        rpc.CancelBookingRequest(
            booking_id=booking_id,
            reason=int(reason),  # type: ignore[arg-type]  # one of those offered
            reason_text=words,
            tell_client=request.form.get("tell") == "yes",
        )
    )


def _confirm(booking_id: str) -> None:
    backends().bookings.ConfirmBooking(rpc.ConfirmBookingRequest(booking_id=booking_id))


def _start(booking_id: str) -> None:
    backends().bookings.StartBooking(rpc.StartBookingRequest(booking_id=booking_id))


def _complete(booking_id: str) -> None:
    backends().bookings.CompleteBooking(rpc.CompleteBookingRequest(booking_id=booking_id))


def _decline_cancellation(booking_id: str) -> None:
    wanted = rpc.DeclineCancellationRequest(booking_id=booking_id)
    backends().bookings.DeclineCancellation(wanted)


_ACTIONS: Mapping[str, Callable[[str], None]] = {
    "confirm": _confirm,
    "start": _start,
    "complete": _complete,
    "decline-cancellation": _decline_cancellation,
}

_SAID: Mapping[str, Callable[[], str]] = {
    "confirm": lambda: text("Confirmed. The client hears of it by e-mail."),
    "start": lambda: text("The session has started."),
    "complete": lambda: text("The session is completed."),
    "decline-cancellation": lambda: text("The booking stands. The client hears of it by e-mail."),
    "cancel": lambda: text("The booking is cancelled."),
    "decline": lambda: text("Declined. The client hears of it by e-mail."),
}


def _booking(booking_id: str) -> pb.Booking:
    return backends().bookings.GetBooking(rpc.GetBookingRequest(booking_id=booking_id)).booking


def _listed(**wanted: Any) -> list[pb.Booking]:
    """Everything that a list holds, at most a few pages of it."""
    found: list[pb.Booking] = []
    token = ""
    for _ in range(5):
        asked = rpc.ListBookingsRequest(page_size=200, page_token=token, **wanted)
        answer = backends().bookings.ListBookings(asked)
        found += answer.bookings
        if not (token := answer.next_page_token):
            break
    return found


def _practice() -> Practice:
    """Of the account that is signed in."""
    here = sessions.required().identity
    providers = tuple(_providers(here))
    if not providers:
        return Practice(availability.Practice(name="Attune", timezone="UTC"), (), "UTC")
    own = next((p for p in providers if p.provider_id == here.provider_id), None)
    shown = (own or providers[0]).provider_id
    found = backends().providers.GetProvider(availability_rpc.GetProviderRequest(provider_id=shown))
    zone_name = own.timezone if own else found.practice.timezone
    return Practice(found.practice, providers, zone_name)


def _providers(here: Identity) -> Iterable[availability.Provider]:
    wanted = availability_rpc.ListProvidersRequest(page_size=200)
    listed = backends().providers.ListProviders(wanted).providers
    return (p for p in listed if here.sees_whole_practice or p.provider_id == here.provider_id)


def _feeds(providers: Iterable[availability.Provider]) -> list[tuple[str, str]]:
    """The calendar feeds that this account may have; of a large practice only the first few."""
    found = []
    for provider in islice(providers, _FEEDS):
        try:
            answer = backends().feeds.GetFeed(
                calendar_rpc.GetFeedRequest(provider_id=provider.provider_id)
            )
        except (NotAllowed, NotFound, Unavailable):
            continue
        found.append((provider.display_name, links.feed(answer.token)))
    return found


def _details(booking: pb.Booking, said: str = "", problem: str = "") -> str:
    practice = _practice()
    client_zone = booking.client.timezone
    return render_template(
        "console_booking.html",
        **_frame(practice, "booking"),
        booking=booking,
        path=f"{_HOME}/bookings/{booking.booking_id}",
        provider=next(
            (p for p in practice.providers if p.provider_id == booking.provider_id),
            availability.Provider(),
        ),
        zone=practice.zone,
        client_zone=zones.zone(client_zone if client_zone in zones.NAMES else practice.zone_name),
        join_url=bookings.join_url(booking, identity.caller()),
        said=said,
        problem=problem,
    )


def _ask(
    booking: pb.Booking, name: str, values: Mapping[str, str], errors: Mapping[str, str]
) -> str:
    practice = _practice()
    cancelling = name == "cancel"
    return render_template(
        "console_end.html",
        **_frame(practice, "booking"),
        booking=booking,
        path=f"{_HOME}/bookings/{booking.booking_id}",
        zone=practice.zone,
        heading=text("Cancel this booking?") if cancelling else text("Decline this request?"),
        button=text("Cancel booking") if cancelling else text("Decline request"),
        reasons=labels.reasons() if cancelling else [],
        values=values,
        errors=errors,
    )


def _frame(practice: Practice, at: str) -> dict[str, Any]:
    return {
        "private": True,
        "practice": practice.practice,
        "at": at,
        "csrf_token": sessions.csrf_token(),
    }


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
