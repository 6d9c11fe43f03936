"""A client's own page of one booking, opened by the link in the email: see it, and cancel it.

A link that is not valid is not found.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import proto
from common.errors import DomainError, NotFound
from common.rpc import identity
from gateway.backends import bookings, rooms
from gateway.identity import csrf
from gateway.pages.manage import calendar_file, opened, texts
from gateway.pages.manage.opened import UPCOMING, Opened
from gateway.pages.shared import context, forms, labels, zone_choices
from gateway.pages.shared.language import text
from gateway.web import links, problems, rate_limits


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/manage/<token>", "show_manage", show)
    pages.add_url_rule("/manage/<token>/cancel", "show_cancel", show_cancel)
    pages.add_url_rule("/manage/<token>/cancel", "cancel", cancel, methods=["POST"])
    pages.add_url_rule("/manage/<token>/appointment.ics", "calendar_file", as_file)


def show(token: str) -> Response:
    """Show the booking."""
    found = opened.resolve(token)
    join_url = _join_url(found)
    new = request.args.get("new") == "1"
    page = render_template(
        "manage/page.html",
        private=True,
        new=new,
        **texts.heading(found, new),
        **_common(found),
        notice_of_request=texts.notice(found),
        reason_title=texts.reason_title(found.booking),
        join_url=join_url,
        room_words=texts.room_words(found, join_url),
        calendar=_calendar(found, join_url),
        zones=zone_choices.with_chosen(context.now(), found.zone_name),
    )
    return opened.remember(Response(page), found)


def show_cancel(token: str) -> BaseResponse:
    """Ask the client to confirm the cancellation; show a booking that is over as it is."""
    found = opened.resolve(token)
    if not found.is_upcoming:
        return redirect(found.path + found.query, HTTPStatus.SEE_OTHER)
    return Response(_ask(found, {}, {}))


def cancel(token: str) -> BaseResponse:
    """Cancel, or ask for it if the practice has to approve; then show the booking."""
    found = opened.resolve(token)
    try:
        csrf.require()
        rate_limits.count("public_writes")
        with identity.acting_as(found.client):
            bookings.cancel(
                found.booking.booking_id,
                pb.CANCELLATION_REASON_CLIENT_REQUEST,
                request.form.get("reason", ""),
                request_id=forms.sent_request_id(),
            )
    except forms.NOT_PROCESSED as failure:
        errors = {"": forms.why_not_processed(failure)}
        return forms.shown_again(_ask(found, request.form, errors), failure)
    except DomainError as failure:
        if isinstance(failure, NotFound):
            raise
        # It may have been answered or canceled meanwhile: the page shows what holds now.
        found = opened.resolve(token)
        where = "reason" if failure.field == "reason_text" else ""
        errors = {where: labels.failure(failure)}
        return Response(_ask(found, request.form, errors), problems.status_of(failure))
    return redirect(found.path + found.query, HTTPStatus.SEE_OTHER)


def as_file(token: str) -> Response:
    """Return the appointment as a file for the client's calendar."""
    found = opened.resolve(token)
    if found.booking.status not in UPCOMING:
        raise NotFound
    event = _event(found, _join_url(found))
    response = Response(event.to_ical(context.now()), content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return response


def _common(found: Opened) -> dict[str, Any]:
    return {
        "booking": found.booking,
        "status": labels.status(found.booking),
        "provider": found.profile.provider,
        "practice": found.profile.practice,
        "path": found.path,
        "query": found.query,
        "zone": found.zone,
        "zone_name": found.zone_name,
        "place_zone": found.place_zone,
        "step": texts.step(found),
        "upcoming": found.is_upcoming,
        "cancel_words": texts.cancel_words(found),
    }


def _ask(found: Opened, values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "manage/cancel.html",
        private=True,
        **_common(found),
        allowed=found.booking.client_may_cancel,
        heading=_heading(found),
        values=values,
        errors=errors,
        csrf_token=csrf.token(),
    )


def _heading(found: Opened) -> str:
    if found.booking.client_may_cancel:
        return texts.step(found).heading
    if found.booking.cancellation_requested:
        return text("Cancellation requested")
    if found.is_upcoming:
        return text("You can't cancel online")
    return texts.heading(found, new=False)["heading"]


def _join_url(found: Opened) -> str:
    """Return the client's link into the video room, in the zone of the page."""
    booking = found.booking
    if booking.mode != types.MODE_TELEHEALTH:
        return ""
    token = rooms.join_token(booking, found.client)
    return f"{links.join(token)}?{urlencode({'tz': found.zone_name})}" if token else ""


def _calendar(found: Opened, join_url: str) -> dict[str, str]:
    """Return the links that add the appointment to a calendar; none until it is confirmed."""
    if found.booking.status != pb.BOOKING_STATUS_CONFIRMED:
        return {}
    event = _event(found, join_url)
    return {
        "ics": url_for("pages.calendar_file", token=found.token),
        "google": event.google(),
        "outlook": event.outlook(),
    }


def _event(found: Opened, join_url: str) -> calendar_file.Event:
    """Return the calendar event, which names neither the service nor any note (spec NT-2)."""
    booking = found.booking
    return calendar_file.Event(
        uid=f"{booking.booking_id}@attune",
        sequence=booking.version,
        start=found.start,
        end=proto.instant(booking.end_time),
        summary=text("Appointment with %(name)s", name=found.profile.provider.display_name),
        place=booking.address,
        join_url=join_url.partition("?")[0],
        is_confirmed=booking.status == pb.BOOKING_STATUS_CONFIRMED,
        description=text("View or change: %(link)s", link=links.manage(found.token)),
    )
