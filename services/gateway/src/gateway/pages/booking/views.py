"""The booking page: service, mode, day, time, and details, with links and forms.

The choices are in the address, so that going back and bookmarks work. Nothing needs JavaScript.
Reading a page changes nothing: a time is held, released, and booked by POST alone.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.booking.v1.booking_pb2 import Booking, Hold
from common import proto
from common.errors import Conflict, DomainError, Invalid, Refused, Unavailable
from gateway import times
from gateway.backends import bookings, holds, providers, slots
from gateway.identity import csrf, visitors
from gateway.pages.booking import form as details_form
from gateway.pages.booking import own, picker, terms
from gateway.pages.booking.choice import Choice, parse_instant
from gateway.pages.booking.form import Form
from gateway.pages.shared import context, forms, labels, zone_choices
from gateway.pages.shared.language import text
from gateway.web import problems, rate_limits
from gateway.web.protection import CrossSite

_ZONE_COOKIE = "attune_zone"
"""The browser's zone as the page's script has detected it."""

_KEPT = ("service", "mode", "month", "date")
"""The choices that another zone leaves as they are."""


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/book/<username>", "show_book", show)
    pages.add_url_rule("/book/<username>", "book", send, methods=["POST"])
    pages.add_url_rule("/book/<username>/hold", "hold", hold, methods=["POST"])
    pages.add_url_rule("/book/<username>/release", "release", release, methods=["POST"])
    pages.add_url_rule("/book/<username>/zone", "show_zones", show_zones)
    pages.add_url_rule("/book/<username>/mine", "show_mine", show_mine)


def show(username: str) -> Response:
    """Show the page with the choices in the address."""
    choice = _asked(username)
    if choice.service and choice.start:
        return _details(choice, choice.start, Form.new())
    return _page(choice, Form.new(), HTTPStatus.OK)


def show_zones(username: str) -> str:
    """Show the time zones to choose from."""
    choice, now = _asked(username), context.now()
    wanted = request.args.get("find", "").strip()[:60]
    practice, provider = choice.profile.practice, choice.profile.provider
    first = (choice.zone_name, zone_choices.present_name(provider.timezone))
    return render_template(
        "booking/zones.html",
        **_head(choice),
        wanted=wanted,
        suggested=zone_choices.suggested(now, first, practice.country),
        groups=zone_choices.search(zone_choices.listed(now), wanted),
        kept={name: request.args.get(name, "") for name in _KEPT},
    )


def show_mine(username: str) -> BaseResponse:
    """Redirect to the booking that this visitor has just made."""
    found = own.Booked.read()
    if found is None or found.username != username:
        return redirect(url_for("pages.show_book", username=username), HTTPStatus.SEE_OTHER)
    return redirect(url_for("pages.show_manage", token=found.manage_token), HTTPStatus.SEE_OTHER)


def hold(username: str) -> BaseResponse:
    """Hold the chosen time (spec BK-3), and redirect to the details.

    Without the form's token the details are shown without a hold: booking does not need one.
    """
    choice = Choice.of(providers.profile(username), request.form)
    # Else the form's own fragment, the list of times, would hold for the details too.
    details = redirect(f"{choice.url()}#main", HTTPStatus.SEE_OTHER)
    if not choice.service or not choice.start or not csrf.is_valid():
        return details
    try:
        made = _hold(choice, choice.start)
    except (Conflict, Refused, Invalid) as failure:
        return details if own.booked(choice) else _not_held(choice, choice.start, failure)
    except Unavailable:
        return details
    except problems.WithMembers as failure:
        return _too_many(choice, Form.new(), failure)
    own.remember_hold(details, choice, made.hold_id, proto.instant(made.expire_time))
    return details


def release(username: str) -> BaseResponse:
    """Release the hold of a visitor who leaves the form; holds also lapse by themselves."""
    csrf.require()
    hold_id, response = request.form.get("hold", ""), Response(status=HTTPStatus.NO_CONTENT)
    with suppress(Invalid, Unavailable):
        holds.release(hold_id, visitor_id=visitors.visitor_id())
    own.remember_release(response, hold_id)
    return response


def send(username: str) -> BaseResponse:
    """Book, and redirect to the booking's own page. After a failure, all entered values stay."""
    choice = Choice.of(providers.profile(username), request.form)
    form = Form.sent()
    if choice.service is None:
        return redirect(url_for("pages.show_book", username=username), HTTPStatus.SEE_OTHER)
    try:
        csrf.require()
    except CrossSite as failure:
        form.problem = {"title": labels.failure(failure)}
        return _page(choice, form, HTTPStatus.FORBIDDEN)
    if chosen := parse_instant(request.form.get("choose", "")):
        form.said = text("We're holding this time for you. Check your details, then book.")
        return _held_details(replace(choice, start=chosen), chosen, form)
    if choice.start is None:
        return _page(choice, form, HTTPStatus.BAD_REQUEST)
    try:
        rate_limits.count("public_writes")
        if errors := form.check(choice):
            form.errors = errors
            return _held_details(choice, choice.start, form, HTTPStatus.BAD_REQUEST)
        made = _book(choice, choice.start, form)
    except problems.WithMembers as failure:
        return _too_many(choice, form, failure)
    except DomainError as failure:
        return _refused(choice, choice.start, form, failure)
    where = url_for("pages.show_manage", token=made.manage_token, new="1")
    response = redirect(where, HTTPStatus.SEE_OTHER)
    own.remember_booking(response, choice, made.manage_token)
    return response


def _asked(username: str) -> Choice:
    guessed = request.cookies.get(_ZONE_COOKIE, "")
    return Choice.of(providers.profile(username), request.args, guessed)


def _book(choice: Choice, start: datetime, form: Form) -> Booking:
    return bookings.create(
        choice.query(),
        start,
        form.details(choice),
        hold_id=form.values.get("hold", ""),
        visitor_id=visitors.visitor_id(form.request_id),
        request_id=form.request_id,
    )


def _hold(choice: Choice, start: datetime) -> Hold:
    rate_limits.count("public_writes")
    return holds.create(
        choice.query(),
        start,
        visitor_id=visitors.visitor_id(),
        request_id=forms.new_request_id(),
    )


def _refused(choice: Choice, start: datetime, form: Form, failure: DomainError) -> Response:
    """Show the form again with what was wrong."""
    status = problems.status_of(failure)
    if failure.field in details_form.FIELDS:
        form.errors = {details_form.FIELDS[failure.field]: labels.failure(failure)}
        return _held_details(choice, start, form, status)
    if failure.reason == "REQUEST_ID_REUSED":
        form.request_id = forms.new_request_id()
        form.problem = {"title": labels.failure(failure)}
    elif isinstance(failure, Conflict | Refused):
        _lose(choice, start, form, failure)
    elif isinstance(failure, Invalid | Unavailable):
        form.problem = {"title": labels.failure(failure)}
    else:
        raise failure
    return _page(choice, form, status)


def _too_many(choice: Choice, form: Form, failure: problems.WithMembers) -> Response:
    """Show the form again with all entered values, and say when the limit ends."""
    wait = labels.wait(int(failure.headers["Retry-After"]))
    form.problem = {"title": text("Too many requests"), "words": wait}
    response = _page(choice, form, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers.update(failure.headers)
    return response


def _details(choice: Choice, start: datetime, form: Form) -> Response:
    """Show the details form for a time that is free, or that the visitor holds."""
    if own.booked(choice):
        return _page(choice, form, HTTPStatus.OK)
    held = own.held(choice)
    if held and held.start_time == start:
        form.hold_id, form.hold_seconds = held.hold_id, held.seconds if held.hold_id else 0
    elif not _is_free(choice, start):
        _lose(choice, start, form, Conflict())
        return _page(choice, form, HTTPStatus.CONFLICT)
    return _page(choice, form, HTTPStatus.OK)


def _held_details(
    choice: Choice, start: datetime, form: Form, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Show a form that was sent once more, and hold the time while it is filled in."""
    try:
        made = _hold(choice, start)
    except (Conflict, Refused, Invalid) as failure:
        _lose(choice, start, form, failure)
        return _page(choice, form, problems.status_of(failure) if status == 200 else status)
    except Unavailable:
        return _page(choice, form, status)  # the form can be filled in all the same
    except problems.WithMembers as failure:
        return _too_many(choice, form, failure)
    expires = proto.instant(made.expire_time)
    form.hold_id = made.hold_id
    form.hold_seconds = int((expires - context.now()).total_seconds())
    response = _page(choice, form, status)
    own.remember_hold(response, choice, made.hold_id, expires)
    return response


def _not_held(choice: Choice, start: datetime, failure: DomainError) -> Response:
    """Show the times again, among them the one that cannot be held."""
    day = start.astimezone(choice.shown_zone).date()
    revision = failure.details.get("revision", "")
    shown = replace(choice, start=None, day=day, month=day.replace(day=1), revision=revision)
    form = Form.new()
    form.problem = {"title": _why_not(choice, start, failure)}
    return _page(shown, form, problems.status_of(failure), lost=start)


def _is_free(choice: Choice, start: datetime) -> bool:
    minute = times.minute(start)
    found = slots.search(choice.query(), minute, minute + 1).minutes
    return [times.at(m) for m in found] == [start]


def _lose(choice: Choice, start: datetime, form: Form, failure: DomainError) -> None:
    """Say why the chosen time cannot be had, and suggest the nearest free ones (spec BK-2), as of
    the revision that the failure names."""
    form.problem = form.problem or {"title": _why_not(choice, start, failure)}
    form.lost, form.said = True, ""
    query = choice.query(failure.details.get("revision", ""))
    found = slots.alternatives(query, max(start, context.now()))
    form.alternatives = sorted(times.at(minute) for minute in found.minutes)


def _why_not(choice: Choice, start: datetime, failure: DomainError) -> str:
    """Return why a time cannot be had, as far as anybody may know."""
    now, policies = context.now(), choice.policies
    if start <= now:
        return text("That time has passed.")
    if start < now + timedelta(minutes=policies.minimum_notice_minutes):
        return text("That time is too soon to book online.")
    days = policies.maximum_advance_days
    if days and start > now + timedelta(days=days + 1):
        return text("That time is too far ahead to book online yet.")
    if failure.reason == "CONFLICT":
        return text("That time is no longer available.")
    return labels.failure(failure)


def _page(choice: Choice, form: Form, status: HTTPStatus, lost: datetime | None = None) -> Response:
    view = _head(choice) | {"problem": form.problem, "csrf_token": csrf.token()}
    if choice.service is None:
        view |= {"step": "service"}
        if choice.asked.get("service", ""):
            view["problem"] = {"title": text("This service is no longer offered.")}
    elif choice.start:
        view |= {"step": "details", "private": True, "booked": own.booked(choice) is not None}
        view |= details_form.view(choice, form, choice.start)
    else:
        view |= {"step": "time", "private": True, "lost_time": lost}
        view |= picker.view(choice, lost)
    return Response(render_template("booking/page.html", **view), status)


def _head(choice: Choice) -> dict[str, Any]:
    profile = choice.profile
    return {
        "provider": profile.provider,
        "practice": profile.practice,
        "services": profile.service_types,
        "service": choice.service,
        "mode": choice.mode,
        "approval": choice.policies.confirmation == availability.CONFIRMATION_APPROVAL,
        "terms": terms.of_policies(choice.policies),
        "url": choice.url,
        "path": url_for("pages.book", username=choice.username),
        "zone_name": choice.zone_name,
        "zone_names": zone_choices.names_of(choice.zone_name),
        "shown_zone": choice.shown_zone,
        "zone_is_asked": bool(choice.asked.get("tz")),
        "zone_is_unknown": choice.zone_is_unknown,
    }
