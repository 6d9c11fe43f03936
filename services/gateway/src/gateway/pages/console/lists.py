"""The console's lists: the day at hand, and all bookings by what has become of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from attune.booking.v1 import booking_pb2 as pb
from gateway.backends import bookings
from gateway.backends.bookings import Listed
from gateway.pages.console import practice as practices
from gateway.pages.console.frame import for_staff, frame
from gateway.pages.console.practice import Practice
from gateway.pages.console.texts import done
from gateway.pages.shared import context, formats
from gateway.pages.shared.language import text

HOME = "/console"
ALL = "/console/bookings"
_PAGE_SIZE = 25
_OFF = (pb.BOOKING_STATUS_CANCELLED, pb.BOOKING_STATUS_DECLINED, pb.BOOKING_STATUS_EXPIRED)
_STANDING = tuple(set(pb.BookingStatus.values()) - {pb.BOOKING_STATUS_UNSPECIFIED, *_OFF})


@dataclass(frozen=True)
class Tab:
    """One list of bookings; together, the lists show every booking of the practice."""

    label: Callable[[], str]
    empty: Callable[[], str]
    wanted: Callable[[datetime], Mapping[str, Any]]
    """The filter and order of the list, by the present instant."""


TABS: Mapping[str, Tab] = {
    "upcoming": Tab(
        lambda: text("Upcoming"),
        lambda: text("No upcoming bookings."),
        lambda now: {"start_from": now, "statuses": _STANDING},
    ),
    "needs-response": Tab(
        lambda: text("Needs your response"),
        lambda: text("Nothing needs your response."),
        lambda now: {"needs_response": True},
    ),
    "past": Tab(
        lambda: text("Past"),
        lambda: text("No past bookings."),
        lambda now: {"start_before": now, "statuses": _STANDING, "newest_first": True},
    ),
    "canceled": Tab(
        lambda: text("Canceled or declined"),
        lambda: text("No canceled, declined, or expired bookings."),
        lambda now: {"statuses": _OFF, "newest_first": True},
    ),
}


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule(HOME, "console", home)
    pages.add_url_rule(ALL, "console_bookings", show_all)


@for_staff
def home() -> BaseResponse:
    """Show what needs a response, today's bookings, and the next ones."""
    practice = practices.of_account()
    zone, now = practice.zone, context.now()
    midnight = _midnight(now, zone)
    tomorrow = _midnight(midnight + timedelta(hours=36), zone)
    waiting = _listed("needs-response", now)
    page = render_template(
        "console/home.html",
        **frame(practice, "home"),
        **_rows(practice, "home"),
        today=now.astimezone(zone).date(),
        zone_words=formats.zone_label(now, zone),
        waiting=waiting,
        of_today=_of_day(midnight, tomorrow),
        later=bookings.page(start_from=tomorrow, statuses=_STANDING, size=_PAGE_SIZE),
        providers=practice.providers,
        feeds=practices.feed_links(practice.providers),
        said=done(),
    )
    return Response(page)


@for_staff
def show_all() -> BaseResponse:
    """Show a page of one list of bookings."""
    practice, now = practices.of_account(), context.now()
    asked = request.args.get("show", "")
    shown = asked if asked in TABS else next(iter(TABS))
    listed = _listed(shown, now, token=request.args.get("page", ""))
    waiting = listed if shown == "needs-response" else _listed("needs-response", now, size=1)
    page = render_template(
        "console/bookings.html",
        **frame(practice, "bookings"),
        **_rows(practice, shown),
        tabs=[(name, tab.label(), name == shown) for name, tab in TABS.items()],
        title=TABS[shown].label(),
        empty=TABS[shown].empty(),
        shown=shown,
        listed=listed,
        is_first=not request.args.get("page"),
        waiting_count=waiting.total,
        said=done(),
    )
    return Response(page)


def path_of(list_name: str, booking_id: str) -> str:
    """Return the path of the list that a form was on, else of the booking."""
    if list_name == "home":
        return f"{HOME}?"
    if list_name in TABS:
        return f"{ALL}?show={list_name}&"
    return f"{ALL}/{booking_id}?"


def _rows(practice: Practice, list_name: str) -> dict[str, Any]:
    """Return what rows of bookings show beside the booking."""
    return {
        "zone": practice.zone,
        "list_name": list_name,
        "several_providers": len(practice.providers) > 1,
        "names": practice.names,
        "this_year": context.now().astimezone(practice.zone).year,
    }


def _listed(name: str, now: datetime, *, size: int = _PAGE_SIZE, token: str = "") -> Listed:
    return bookings.page(**TABS[name].wanted(now), count=True, size=size, token=token)


def _of_day(midnight: datetime, tomorrow: datetime) -> Sequence[pb.Booking]:
    """Return all bookings of a day that stand."""
    found: list[pb.Booking] = []
    token = ""
    while True:
        page = bookings.page(
            start_from=midnight,
            start_before=tomorrow,
            statuses=_STANDING,
            size=200,
            token=token,
        )
        found += page.rows
        if not (token := page.next_token):
            return found


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
