"""A client's own page of one booking, opened by the link in the e-mail: what it is, and cancelling
it (spec BK-8, CN-2). A link that is not valid is not found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.availability.v1.provider_service_pb2 import GetProfileResponse
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.common.v1 import types_pb2 as types
from common import zones
from common.errors import DomainError, NotFound, Unauthenticated, Unavailable
from common.rpc import identity
from common.rpc.identity import Identity
from gateway import limits, problems, sessions, times
from gateway.api import bookings, providers
from gateway.api.operation import manage_link_identity
from gateway.backends import backends
from gateway.pages import calendar_file, context, formats, labels
from gateway.pages.language import reader, text

_UPCOMING = (pb.BOOKING_STATUS_REQUESTED, pb.BOOKING_STATUS_CONFIRMED)


@dataclass(frozen=True)
class Opened:
    """A booking, and its client who has come by the link."""

    token: str
    client: Identity
    booking: pb.Booking
    profile: GetProfileResponse

    @property
    def path(self) -> str:
        return url_for("pages.show_manage", token=self.token)

    @property
    def zone_name(self) -> str:
        """The one asked for, else the client's."""
        asked = (request.args.get("tz", ""), self.booking.client.timezone, self.booking.timezone)
        return formats.present_name(next((n for n in asked if n in zones.NAMES), "UTC"))

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def query(self) -> str:
        """What keeps the zone that was asked for."""
        asked = request.args.get("tz", "")
        return f"?{urlencode({'tz': asked})}" if asked in zones.NAMES else ""

    @property
    def start(self) -> datetime:
        return times.instant(self.booking.start_time)

    @property
    def is_upcoming(self) -> bool:
        return self.booking.status in _UPCOMING and self.start > context.now()


def register(pages: Blueprint) -> None:
    pages.add_url_rule("/manage/<token>", "show_manage", show)
    pages.add_url_rule("/manage/<token>/cancel", "show_cancel", show_cancel)
    pages.add_url_rule("/manage/<token>/cancel", "cancel", cancel, methods=["POST"])
    pages.add_url_rule("/manage/<token>/appointment.ics", "calendar_file", as_file)


def show(token: str) -> str:
    """The booking."""
    opened = _open(token)
    join_url, room_words = _room(opened)
    new = request.args.get("new") == "1"
    return render_template(
        "manage.html",
        private=True,
        new=new,
        **_heading(opened, new),
        **_common(opened),
        upcoming=opened.is_upcoming,
        join_url=join_url,
        room_words=room_words,
        calendar=_calendar(opened, join_url),
        zones=formats.zone_choices(context.now(), opened.zone_name),
    )


def show_cancel(token: str) -> str:
    """Whether the client is sure."""
    return _ask(_open(token), {}, {})


def cancel(token: str) -> BaseResponse:
    """Cancel, or ask for it where the practice decides; then show what became of it."""
    opened = _open(token)
    try:
        sessions.require_csrf()
        limits.count("public_writes")
        with identity.acting_as(opened.client):
            backends().bookings.CancelBooking(
                rpc.CancelBookingRequest(
                    booking_id=opened.booking.booking_id,
                    reason=pb.CANCELLATION_REASON_CLIENT_REQUEST,
                    reason_text=request.form.get("reason", ""),
                )
            )
    except DomainError as failure:
        if isinstance(failure, NotFound | Unavailable):
            raise
        where = "reason" if failure.field == "reason_text" else ""
        errors = {where: labels.failure(failure)}
        return Response(_ask(opened, request.form, errors), problems.status_of(failure))
    return redirect(opened.path + opened.query, HTTPStatus.SEE_OTHER)


def as_file(token: str) -> Response:
    """The appointment for the client's calendar."""
    opened = _open(token)
    if opened.booking.status not in _UPCOMING:
        raise NotFound
    event = _event(opened, _room(opened)[0])
    response = Response(event.to_ical(context.now()), content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return response


def _open(token: str) -> Opened:
    try:
        client = manage_link_identity(token)
    except Unauthenticated:
        raise NotFound from None
    with identity.acting_as(client):
        wanted = rpc.GetBookingRequest(booking_id=client.booking_id)
        booking = backends().bookings.GetBooking(wanted).booking
    return Opened(token, client, booking, providers.profile(booking.username))


def _common(opened: Opened) -> dict[str, Any]:
    return {
        "booking": opened.booking,
        "status": labels.status(opened.booking),
        "provider": opened.profile.provider,
        "practice": opened.profile.practice,
        "path": opened.path,
        "query": opened.query,
        "zone": opened.zone,
        "zone_name": opened.zone_name,
        "cancel_words": _cancel_words(opened),
    }


def _heading(opened: Opened, new: bool) -> dict[str, str]:
    """What the page says first."""
    booking = opened.booking
    sent = text("We have sent the details to %(email)s.", email=booking.client.email)
    heading, lead = {
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
    return {"heading": heading, "lead": lead}


def _cancel_words(opened: Opened) -> str:
    """What the client can do about it, and until when."""
    booking, locale = opened.booking, reader().locale
    if booking.cancellation_requested:
        return text("You have asked for cancellation; the practice will answer by e-mail.")
    if booking.status == pb.BOOKING_STATUS_REQUESTED and booking.client_may_cancel:
        return text("You can withdraw the request as long as it is not answered.")
    until = times.instant(booking.cancel_until_time) if booking.cancel_until_time.seconds else None
    when = formats.brief(until, opened.zone, locale) if until else ""
    if booking.client_may_cancel and _needs_approval(opened):
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


def _needs_approval(opened: Opened) -> bool:
    policies = opened.profile.provider.effective_policies
    is_request = opened.booking.status == pb.BOOKING_STATUS_REQUESTED
    approval = availability.CLIENT_CANCELLATION_APPROVAL
    return not is_request and policies.client_cancellation == approval


def _ask(opened: Opened, values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "cancel.html",
        private=True,
        **_common(opened),
        allowed=opened.booking.client_may_cancel and not opened.booking.cancellation_requested,
        approval=_needs_approval(opened),
        values=values,
        errors=errors,
        csrf_token=sessions.csrf_token(),
    )


def _room(opened: Opened) -> tuple[str, str]:
    """The client's way into the video room, or what to say instead."""
    booking = opened.booking
    if booking.mode != types.MODE_TELEHEALTH:
        return "", ""
    if booking.status == pb.BOOKING_STATUS_REQUESTED:
        return "", text("You get the link to the video room once the practice has confirmed.")
    if booking.status not in (pb.BOOKING_STATUS_CONFIRMED, pb.BOOKING_STATUS_IN_PROGRESS):
        return "", ""
    link = bookings.join_url(booking, opened.client)
    if not link:
        return "", text("Your link to the video room is in the e-mail.")
    return f"{link}?{urlencode({'tz': opened.zone_name})}", ""


def _calendar(opened: Opened, join_url: str) -> dict[str, str]:
    """Where the appointment can be added to a calendar; nothing while it is not certain."""
    if opened.booking.status != pb.BOOKING_STATUS_CONFIRMED:
        return {}
    event = _event(opened, join_url)
    return {
        "ics": url_for("pages.calendar_file", token=opened.token),
        "google": event.google(),
        "outlook": event.outlook(),
    }


def _event(opened: Opened, join_url: str) -> calendar_file.Event:
    """It names neither the service nor anything that was written (spec NT-2)."""
    booking = opened.booking
    return calendar_file.Event(
        uid=f"{booking.booking_id}@attune",
        sequence=booking.version,
        start=opened.start,
        end=times.instant(booking.end_time),
        summary=text("Appointment with %(name)s", name=opened.profile.provider.display_name),
        location=join_url.partition("?")[0] or booking.address,
    )
