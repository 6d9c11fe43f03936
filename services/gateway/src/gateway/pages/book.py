"""The booking page (spec GW-6): service, mode, day, time, details, by links and one form. What has
been chosen is in the address, so that going back and bookmarks work; nothing needs JavaScript."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from attune.availability.v1 import availability_pb2 as availability
from attune.availability.v1.provider_service_pb2 import GetProfileResponse
from attune.booking.v1 import booking_pb2 as pb
from attune.booking.v1 import booking_service_pb2 as rpc
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest, ReleaseHoldRequest
from attune.common.v1 import types_pb2 as types
from common import zones
from common.errors import Conflict, DomainError, Invalid, Refused, Unavailable
from gateway import limits, names, problems, sessions, times, visitors
from gateway.api import bookings, providers
from gateway.api.providers import Wanted
from gateway.backends import backends
from gateway.pages import context, formats, labels, month
from gateway.pages.language import reader, text

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = {
    "client.name": "name",
    "client.email": "email",
    "client.phone": "phone",
    "note": "note",
}


@dataclass(frozen=True)
class Choice:
    """What has been chosen so far, from the address or the form. What cannot be is left out."""

    profile: GetProfileResponse
    asked: Mapping[str, str]
    service: availability.ServiceType | None
    mode: Any  # an enumeration's value, for which the stubs have no usable type
    zone_name: str
    month: date | None
    day: date | None
    start: datetime | None
    # What searches must reflect at least (spec SL-8).
    revision: str = ""

    @classmethod
    def of(cls, profile: GetProfileResponse, asked: Mapping[str, str]) -> "Choice":
        """The choice in a query or a form."""
        offered = profile.service_types
        only = offered[0] if len(offered) == 1 else None
        service = next((s for s in offered if s.slug == asked.get("service")), only)
        modes = list(service.modes) if service else []
        wanted = next((m for m in modes if names.MODES.word(m) == asked.get("mode")), None)
        day = _date(asked.get("date", ""))
        return cls(
            profile,
            asked,
            service,
            wanted or next(iter(modes), types.MODE_UNSPECIFIED),
            formats.present_name(
                asked["tz"] if asked.get("tz") in zones.NAMES else profile.provider.timezone
            ),
            _date(f"{asked.get('month', '')}-01") or (day.replace(day=1) if day else None),
            day,
            _instant(asked.get("start", "")),
        )

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def username(self) -> str:
        return self.profile.provider.username

    def wanted(self, revision: str = "") -> Wanted:
        """What a search is about."""
        slug = self.service.slug if self.service else ""
        return Wanted(self.username, slug, self.mode, revision or self.revision)

    def url(self, **changes: object) -> str:
        """The page with something else chosen; what is empty is left out."""
        now = {
            "tz": self.asked.get("tz", "") and self.zone_name,
            "service": self.service.slug if self.service else "",
            "mode": names.MODES.word(self.mode),
            "month": f"{self.month:%Y-%m}" if self.month else "",
            "date": self.day,
            "start": self.start,
            **changes,
        }
        values = {name: str(value) for name, value in now.items() if value}
        return url_for("pages.show_book", username=self.username, **values)  # type: ignore[arg-type]


@dataclass
class Form:
    """The details form: what was typed, and what is wrong with it."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    problem: dict[str, str] = field(default_factory=dict)
    alternatives: Sequence[datetime] = ()
    hold: pb.Hold | None = None
    # Whether the chosen time cannot be had, so that another must be chosen first.
    lost: bool = False
    said: str = ""

    @classmethod
    def new(cls) -> "Form":
        return cls(secrets.token_urlsafe(24))

    @classmethod
    def sent(cls) -> "Form":
        """What the reader has sent."""
        key = request.form.get("key", "")
        return cls(key if 20 <= len(key) <= 100 else secrets.token_urlsafe(24), request.form)


def register(pages: Blueprint) -> None:
    pages.add_url_rule("/book/<username>", "show_book", show)
    pages.add_url_rule("/book/<username>", "book", send, methods=["POST"])


def show(username: str) -> Response:
    """The page at what the address has chosen."""
    choice = Choice.of(providers.profile(username), request.args)
    choice = replace(choice, revision=_released(request.args.get("release", "")))
    form = Form.new()
    if choice.service and choice.start:
        return _details(choice, form)
    return _page(choice, form, HTTPStatus.OK)


def send(username: str) -> BaseResponse:
    """Book, and go on to the booking's own page. What fails leaves everything typed as it was."""
    choice = Choice.of(providers.profile(username), request.form)
    form = Form.sent()
    if choice.service is None:
        return redirect(url_for("pages.show_book", username=username), HTTPStatus.SEE_OTHER)
    try:
        sessions.require_csrf()
    except sessions.CrossSite as failure:
        form.problem = {"title": labels.failure(failure)}
        return _details(choice, form, HTTPStatus.FORBIDDEN)
    if chosen := _instant(request.form.get("choose", "")):
        form.said = text("This time is now kept for you. Check your details, then book.")
        return _details(Choice.of(choice.profile, {**request.form, "start": _iso(chosen)}), form)
    if choice.start is None:
        return _page(choice, form, HTTPStatus.BAD_REQUEST)
    limits.count("public_writes")
    form.errors = _missing(request.form)
    if form.errors:
        return _details(choice, form, HTTPStatus.BAD_REQUEST)
    try:
        made = _book(choice, form)
    except DomainError as failure:
        return _refused(choice, form, failure)
    where = url_for("pages.show_manage", token=made.manage_token, new="1")
    return redirect(where, HTTPStatus.SEE_OTHER)


def _missing(values: Mapping[str, str]) -> dict[str, str]:
    """All that is missing at once; how things must look is judged where they are kept."""
    errors = {}
    if not values.get("name", "").strip():
        errors["name"] = text("Enter your name.")
    if not values.get("email", "").strip():
        errors["email"] = text("Enter your e-mail address.")
    return errors


def _book(choice: Choice, form: Form) -> pb.Booking:
    wanted = rpc.CreateBookingRequest(
        request_id=form.key,
        username=choice.username,
        service=choice.wanted().service,
        mode=choice.mode,
        start_time=times.stamp(choice.start),  # type: ignore[arg-type]  # asked before
        client=pb.Client(
            name=form.values.get("name", ""),
            email=form.values.get("email", ""),
            phone=form.values.get("phone", ""),
            timezone=choice.zone_name,
        ),
        note=form.values.get("note", ""),
        hold_id=form.values.get("hold", ""),
        visitor_id=visitors.visitor_id(),
    )
    return bookings.book(wanted)


def _refused(choice: Choice, form: Form, failure: DomainError) -> Response:
    """The form again, with what was wrong."""
    status = problems.status_of(failure)
    if failure.field in _FIELDS:
        form.errors = {_FIELDS[failure.field]: labels.failure(failure)}
        return _details(choice, form, status)
    if failure.reason == "REQUEST_ID_REUSED":
        form.key = secrets.token_urlsafe(24)
    elif isinstance(failure, Conflict | Refused):
        _offer_others(choice, form, failure)
    elif not isinstance(failure, Invalid | Unavailable):
        raise failure
    form.problem = {"title": labels.failure(failure)}
    return _page(choice, form, status)


def _details(choice: Choice, form: Form, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The details form, with the time held for this visitor while it is filled in (spec BK-3)."""
    try:
        form.hold = _hold(choice)
    except (Conflict, Refused, Invalid) as failure:
        form.problem = form.problem or {"title": labels.failure(failure)}
        _offer_others(choice, form, failure)
        status = problems.status_of(failure) if status == HTTPStatus.OK else status
    except Unavailable:
        form.hold = None  # the form can be filled in all the same
    return _page(choice, form, status)


def _hold(choice: Choice) -> pb.Hold | None:
    """The hold; none for a page that nobody has asked for (yet): one fetched beforehand, or named
    as a picture or a frame by a strange page, whose readers would block the calendar."""
    headers = request.headers
    if "prefetch" in headers.get("Sec-Purpose", "") or request.method == "HEAD":
        return None
    is_strange = headers.get("Sec-Fetch-Site") == "cross-site"
    if is_strange and headers.get("Sec-Fetch-Dest") != "document":
        return None
    limits.count("public_writes")
    wanted = CreateHoldRequest(
        request_id=secrets.token_urlsafe(24),
        username=choice.username,
        service=choice.wanted().service,
        mode=choice.mode,
        start_time=times.stamp(choice.start),  # type: ignore[arg-type]  # asked before
        visitor_id=visitors.visitor_id(),
    )
    return bookings.hold(wanted)


def _released(hold_id: str) -> str:
    """Let a hold go when its visitor looks for another time; returns the revision that shows it."""
    if not hold_id:
        return ""
    wanted = ReleaseHoldRequest(hold_id=hold_id, visitor_id=visitors.visitor_id())
    try:
        return backends().holds.ReleaseHold(wanted).revision
    except DomainError:
        return ""  # it lapses by itself


def _offer_others(choice: Choice, form: Form, failure: DomainError) -> None:
    """The nearest free times (spec BK-2), as of the state in which this one was taken."""
    form.lost, form.said = True, ""
    wanted = choice.wanted(failure.details.get("revision", ""))
    try:
        found = providers.search_nearest(
            wanted, choice.start or context.now(), bookings.ALTERNATIVES
        ).start_minutes
    except DomainError:
        return  # none is better than no answer
    form.alternatives = sorted(_at(minute) for minute in found)


def _page(choice: Choice, form: Form, status: HTTPStatus) -> Response:
    view = _offer(choice)
    if choice.service is None:
        asked_for_more = choice.asked.get("service", "")
        view |= {"step": "service"}
        if asked_for_more:
            view["problem"] = {"title": text("This service is no longer offered.")}
    else:
        view |= _picker(choice) | _form(choice, form)
        view["step"] = "details" if choice.start else "time"
        view["private"] = True
        view["state"] = _state(choice, view)
    return Response(render_template("book.html", **view), status)


def _offer(choice: Choice) -> dict[str, Any]:
    profile = choice.profile
    return {
        "provider": profile.provider,
        "practice": profile.practice,
        "services": profile.service_types,
        "approval": _policies(choice).confirmation == availability.CONFIRMATION_APPROVAL,
        "terms": _terms(_policies(choice)),
        "url": choice.url,
        "path": url_for("pages.book", username=choice.username),
        "zone": choice.zone,
        "zone_name": choice.zone_name,
    }


def _policies(choice: Choice) -> availability.Policies:
    return choice.profile.provider.effective_policies


def _terms(policies: availability.Policies) -> str:
    """Until when one can cancel, if the practice tells."""
    if policies.client_cancellation != availability.CLIENT_CANCELLATION_ALLOWED:
        return ""
    hours, rest = divmod(policies.late_cancellation_minutes, 60)
    if not hours or rest:
        return ""
    return text("You can cancel by yourself until %(hours)d hours before.", hours=hours)


def _picker(choice: Choice) -> dict[str, Any]:
    """The month with its days, and the chosen day's times."""
    zone, locale = choice.zone, reader().locale
    today = context.now().astimezone(zone).date()
    last = _last_date(choice, today)
    first, following = _shown_month(choice, today, last)
    starts = _starts(choice, first)
    dates = [start.astimezone(zone).date() for start in starts]
    day = choice.day if choice.day and choice.day.replace(day=1) == first else None
    day = day or next(iter(dates), None)
    shown = [s for s, d in zip(starts, dates, strict=True) if d == day]
    drawn = month.draw(first, starts, day, today, last, zone, locale)
    next_start = None if starts else (following or _next_start(choice))
    return {
        "month": drawn,
        "weekdays": month.weekdays(locale),
        "date": day,
        "parts": month.parts(shown, zone),
        "next_start": next_start,
        "zones": formats.zone_choices(context.now(), choice.zone_name),
        "zone_words": formats.zone_label(_of_day(choice, shown), zone),
        "asked": {
            "month": choice.asked.get("month", ""),
            "date": choice.asked.get("date", ""),
        },
        "last": last,
        "today": today,
    }


def _shown_month(choice: Choice, today: date, last: date | None) -> tuple[date, datetime | None]:
    """The first date of the month to show: the one asked for, else that of the first free time."""
    present = today.replace(day=1)
    if choice.start:
        return choice.start.astimezone(choice.zone).date().replace(day=1), None
    if choice.month:
        latest = last.replace(day=1) if last else choice.month
        return max(present, min(choice.month, latest)), None
    start = _next_start(choice)
    return (start.astimezone(choice.zone).date().replace(day=1) if start else present), start


def _last_date(choice: Choice, today: date) -> date | None:
    days = _policies(choice).maximum_advance_days
    return today + timedelta(days=days) if days else None


def _starts(choice: Choice, first: date) -> list[datetime]:
    last = month.dates_of(first)[-1]
    found = providers.search(choice.wanted(), first, last, choice.zone)
    return [_at(minute) for minute in found.start_minutes]


def _next_start(choice: Choice) -> datetime | None:
    found = providers.search_next(choice.wanted(), 1).start_minutes
    return _at(found[0]) if found else None


def _of_day(choice: Choice, shown: Sequence[datetime]) -> datetime:
    """An instant at which to name the zone: its offset changes over the year."""
    return choice.start or next(iter(shown), context.now())


def _form(choice: Choice, form: Form) -> dict[str, Any]:
    length = timedelta(minutes=choice.service.duration_minutes) if choice.service else _MINUTE
    hold = form.hold
    seconds = (times.instant(hold.expire_time) - context.now()).total_seconds() if hold else 0
    return {
        "service": choice.service,
        "mode": choice.mode,
        "start": choice.start,
        "end": choice.start + length if choice.start else None,
        "key": form.key,
        "csrf_token": sessions.csrf_token(),
        "values": form.values,
        "errors": form.errors,
        "problem": form.problem,
        "alternatives": form.alternatives,
        "lost": form.lost,
        "said": form.said,
        "hold_id": hold.hold_id if hold else form.values.get("hold", ""),
        "hold_seconds": max(0, int(seconds)),
    }


def _state(choice: Choice, view: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's module works with."""
    assert choice.service  # noqa: S101  # this page has one
    earliest, last = view["today"].replace(day=1), view["last"]
    return {
        "api": f"/api/v1/providers/{choice.username}",
        "path": view["path"],
        "step": view["step"],
        "service": choice.service.slug,
        "minutes": choice.service.duration_minutes,
        "mode": names.MODES.word(choice.mode),
        "tz": choice.zone_name,
        "zoneAsked": bool(choice.asked.get("tz")),
        "month": f"{view['month'].first:%Y-%m}",
        "monthAsked": bool(choice.month),
        "dateAsked": bool(choice.day),
        "lost": view["lost"],
        "date": str(view["date"] or ""),
        "firstMonth": f"{earliest:%Y-%m}",
        "lastMonth": f"{last:%Y-%m}" if last else "2099-12",
        "weekStart": reader().locale.first_week_day,
        "texts": {
            "earlier": text("Earlier: {month}"),
            "later": text("Later: {month}"),
            "oneTime": text("{date}, 1 time"),
            "manyTimes": text("{date}, {n} times"),
            "parts": [text("Morning"), text("Afternoon"), text("Evening")],
            "noTimes": text("No free times on this day. Please choose another one."),
            "noMonth": text("No free times in {month}"),
            "next": text("Next free time: {when}"),
            "never": text(
                "There are no free times at the moment. Please contact the practice, or look"
                " again later."
            ),
            "zone": text("{place} time ({shift})"),
            "taken": text("Somebody else has just taken this time. Please choose another one."),
            "kept": text("This time is kept for you for {left}."),
            "lapsed": text("This time is no longer kept for you; book soon before it is gone."),
            "loaded": text("{month}: {n} days with free times"),
        },
    }


def _date(words: str) -> date | None:
    try:
        found = date.fromisoformat(words)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def _instant(words: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        return None
    known = found.tzinfo is not None and 2000 <= found.year < 2100
    return found.astimezone(UTC) if known else None


def _at(minute: int) -> datetime:
    return _EPOCH + minute * _MINUTE


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
