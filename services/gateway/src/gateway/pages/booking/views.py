"""The booking page: service, mode, day, time, and details, with links and one form.

The choices are in the address, so that going back and bookmarks work. Nothing needs JavaScript.
"""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.booking.v1.booking_pb2 import Booking, Hold
from common.errors import Conflict, DomainError, Invalid, Refused, Unavailable
from gateway import times
from gateway.backends import bookings, holds, providers, slots
from gateway.identity import csrf, visitors
from gateway.pages.booking import form as details_form
from gateway.pages.booking import picker
from gateway.pages.booking.choice import Choice, parse_instant
from gateway.pages.booking.form import Form
from gateway.pages.booking.state import state
from gateway.pages.shared import context, forms, labels
from gateway.pages.shared.language import text
from gateway.web import problems, rate_limits
from gateway.web.protection import CrossSite


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/book/<username>", "show_book", show)
    pages.add_url_rule("/book/<username>", "book", send, methods=["POST"])


def show(username: str) -> Response:
    """Show the page with the choices in the address."""
    choice = Choice.of(providers.profile(username), request.args)
    choice = replace(choice, revision=_release(request.args.get("release", "")))
    form = Form.new()
    if choice.service and choice.start:
        return _details(choice, form)
    return _page(choice, form, HTTPStatus.OK)


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
        return _details(choice, form, HTTPStatus.FORBIDDEN)
    if chosen := parse_instant(request.form.get("choose", "")):
        form.said = text("This time is now kept for you. Check your details, then book.")
        return _details(Choice.of(choice.profile, {**request.form, "start": _iso(chosen)}), form)
    if choice.start is None:
        return _page(choice, form, HTTPStatus.BAD_REQUEST)
    try:
        rate_limits.count("public_writes")
        if errors := form.check(choice):
            form.errors = errors
            return _details(choice, form, HTTPStatus.BAD_REQUEST)
        made = _book(choice, choice.start, form)
    except problems.WithMembers as failure:
        return _too_many(choice, form, failure)
    except DomainError as failure:
        return _refused(choice, form, failure)
    where = url_for("pages.show_manage", token=made.manage_token, new="1")
    return redirect(where, HTTPStatus.SEE_OTHER)


def _book(choice: Choice, start: datetime, form: Form) -> Booking:
    return bookings.create(
        choice.query(),
        start,
        form.details(choice),
        hold_id=form.values.get("hold", ""),
        visitor_id=visitors.visitor_id(form.request_id),
        request_id=form.request_id,
    )


def _refused(choice: Choice, form: Form, failure: DomainError) -> Response:
    """Show the form again with what was wrong."""
    status = problems.status_of(failure)
    if failure.field in details_form.FIELDS:
        form.errors = {details_form.FIELDS[failure.field]: labels.failure(failure)}
        return _details(choice, form, status)
    if failure.reason == "REQUEST_ID_REUSED":
        form.request_id = forms.new_request_id()
    elif isinstance(failure, Conflict | Refused):
        _suggest_alternatives(choice, form, failure)
    elif not isinstance(failure, Invalid | Unavailable):
        raise failure
    form.problem = {"title": labels.failure(failure)}
    return _page(choice, form, status)


def _too_many(choice: Choice, form: Form, failure: problems.WithMembers) -> Response:
    """Show the form again with all entered values, and say when the limit ends."""
    wait = labels.wait(int(failure.headers["Retry-After"]))
    form.problem = {"title": text("Too many requests"), "words": wait}
    response = _page(choice, form, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers.update(failure.headers)
    return response


def _details(choice: Choice, form: Form, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Show the details form, and hold the time while it is filled in (spec BK-3)."""
    try:
        form.hold = _hold(choice)
    except (Conflict, Refused, Invalid) as failure:
        form.problem = form.problem or {"title": labels.failure(failure)}
        _suggest_alternatives(choice, form, failure)
        status = problems.status_of(failure) if status == HTTPStatus.OK else status
    except Unavailable:
        form.hold = None  # the form can be filled in all the same
    except problems.WithMembers as failure:
        return _too_many(choice, form, failure)
    return _page(choice, form, status)


def _hold(choice: Choice) -> Hold | None:
    """Hold the chosen time, if there is one and a person has asked for the page.

    A browser may fetch it beforehand, or a page of another site may embed it as a picture or a
    frame, and so make its readers block the calendar.
    """
    if choice.start is None:
        return None
    headers = request.headers
    if "prefetch" in headers.get("Sec-Purpose", "") or request.method == "HEAD":
        return None
    is_cross_site = headers.get("Sec-Fetch-Site") == "cross-site"
    if is_cross_site and headers.get("Sec-Fetch-Dest") != "document":
        return None
    rate_limits.count("public_writes")
    return holds.create(
        choice.query(),
        choice.start,
        visitor_id=visitors.visitor_id(),
        request_id=forms.new_request_id(),
    )


def _release(hold_id: str) -> str:
    """Release the hold of a visitor who looks for another time.

    Return the revision that shows it, empty if there is none: holds also lapse by themselves.
    """
    if not hold_id:
        return ""
    try:
        return holds.release(hold_id, visitor_id=visitors.visitor_id())
    except DomainError:
        return ""


def _suggest_alternatives(choice: Choice, form: Form, failure: DomainError) -> None:
    """Suggest the nearest free times (spec BK-2), as of the revision that the failure names."""
    form.lost, form.said = True, ""
    query = choice.query(failure.details.get("revision", ""))
    found = slots.alternatives(query, choice.start or context.now())
    form.alternatives = sorted(times.at(minute) for minute in found.minutes)


def _page(choice: Choice, form: Form, status: HTTPStatus) -> Response:
    view = _head(choice)
    if choice.service is None:
        view |= {"step": "service"}
        if choice.asked.get("service", ""):
            view["problem"] = {"title": text("This service is no longer offered.")}
    else:
        view |= picker.view(choice) | details_form.view(choice, form)
        view["step"] = "details" if choice.start else "time"
        view["private"] = True
        view["state"] = state(choice, view)
    return Response(render_template("booking/page.html", **view), status)


def _head(choice: Choice) -> dict[str, Any]:
    profile = choice.profile
    return {
        "provider": profile.provider,
        "practice": profile.practice,
        "services": profile.service_types,
        "approval": choice.policies.confirmation == availability.CONFIRMATION_APPROVAL,
        "terms": _terms(choice.policies),
        "url": choice.url,
        "path": url_for("pages.book", username=choice.username),
        "zone": choice.zone,
        "zone_name": choice.zone_name,
    }


def _terms(policies: availability.Policies) -> str:
    """Return until when clients can cancel; empty if that is not a number of whole hours."""
    if policies.client_cancellation != availability.CLIENT_CANCELLATION_ALLOWED:
        return ""
    hours, rest = divmod(policies.late_cancellation_minutes, 60)
    if not hours or rest:
        return ""
    return text("You can cancel by yourself until %(hours)d hours before.", hours=hours)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
