"""The page behind a join link: whose session it is, when, and whether the room is open.

A link that is not valid is not found.
"""

from datetime import datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response, render_template, request, url_for

from attune.availability.v1.availability_pb2 import Practice, Provider
from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from common import proto, zones
from common.errors import DomainError, NotFound
from gateway.backends import providers, rooms
from gateway.backends.rooms import JoinLink
from gateway.pages.manage import opened
from gateway.pages.shared import context, errors, zone_choices
from gateway.pages.shared.language import text, texts

_SOON = timedelta(hours=1)


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/join/<token>", "show_join", show)


def show(token: str) -> Response:
    """Show the room that the link opens."""
    try:
        link = rooms.resolve_join_token(token)
    except NotFound as failure:
        return _closed(failure)
    provider, practice = _whose(link.room.practice_id, link.room.provider_id)
    asked = request.args.get("tz", "")
    zone_name = zone_choices.present_name(asked if asked in zones.NAMES else "UTC")
    opens, start = proto.instant(link.room.open_time), proto.instant(link.room.start_time)
    page = render_template(
        "room/page.html",
        private=True,
        heading=text("Your room is open") if link.is_open else text("Your video session"),
        lead=_lead(link, opens),
        call_words=_call_words(link.side),
        open=link.is_open,
        seconds=max(0, int((opens - context.now()).total_seconds())),
        start=start,
        end=proto.instant(link.room.end_time),
        room_open=opens,
        opens_words=_before(start - opens),
        provider=provider,
        practice=practice,
        is_provider=link.side == pb.SIDE_PROVIDER,
        back=_back(link),
        zone=zones.zone(zone_name),
        zone_name=zone_name,
        zones=zone_choices.with_chosen(context.now(), zone_name),
        path=url_for("pages.show_join", token=token),
    )
    return Response(page)


def _closed(failure: NotFound) -> Response:
    """Return the page of a link that opens nothing any more, or never did."""
    if not failure.details.get("provider_id"):
        return errors.page(HTTPStatus.NOT_FOUND)
    _, practice = _whose(failure.details["practice_id"], failure.details["provider_id"])
    words = text(
        "The session has ended, was canceled, or no longer takes place by video. The latest email"
        " about your appointment says what's planned."
    )
    return errors.page(HTTPStatus.NOT_FOUND, (text("This video room is closed"), words), practice)


def _whose(practice_id: str, provider_id: str) -> tuple[Provider, Practice]:
    """Return the provider and the practice; both empty while availability is away (spec PF-13)."""
    try:
        return providers.of_practice(practice_id, provider_id)
    except DomainError:
        return Provider(), Practice()


def _back(link: JoinLink) -> str:
    """Return the path of the page that the visitor may have come from, empty if there is none."""
    if link.side == pb.SIDE_PROVIDER:
        return url_for("pages.console_booking", booking_id=link.room.booking_id)
    return opened.remembered_path(link.room.booking_id)


def _lead(link: JoinLink, opens: datetime) -> str:
    if link.is_open:
        if link.side == pb.SIDE_PROVIDER:
            return text("You're in the right place. Only you and your client can use this room.")
        return text("You're in the right place. Only you and your provider can use this room.")
    if opens - context.now() <= _SOON:
        return text("You're a little early. Keep this page open, or come back when the room opens.")
    return text("The room isn't open yet. Come back to this page shortly before your session.")


def _before(ahead: timedelta) -> str:
    minutes = int(ahead.total_seconds()) // 60
    return texts("%(num)d minute before the session", "%(num)d minutes before the session", minutes)


def _call_words(side: int) -> str:
    """Return the truth about calls: this release opens and closes rooms, but carries no call."""
    if side == pb.SIDE_PROVIDER:
        return text(
            "This version of Attune doesn't carry video calls yet. Reach your client the way you've"
            " agreed on."
        )
    return text(
        "This version of Attune doesn't carry video calls yet. Your provider will reach you the way"
        " you've agreed on."
    )
