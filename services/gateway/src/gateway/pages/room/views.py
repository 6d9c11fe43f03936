"""The page behind a join link: when the session is, what it takes, and whether the room is open.

A link that is not valid is not found.
"""

from flask import Blueprint, render_template, request, url_for

from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from common import proto, zones
from gateway.backends import rooms
from gateway.backends.rooms import JoinLink
from gateway.pages.shared import context, zone_choices
from gateway.pages.shared.language import text


def register(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/join/<token>", "show_join", show)


def show(token: str) -> str:
    """Show the room that the link opens."""
    link = rooms.resolve_join_token(token)
    asked = request.args.get("tz", "")
    zone_name = zone_choices.present_name(asked if asked in zones.NAMES else "UTC")
    opens = proto.instant(link.room.open_time)
    heading, lead = _words(link)
    return render_template(
        "room/page.html",
        private=True,
        heading=heading,
        lead=lead,
        call_words=_call_words(link.side),
        open=link.is_open,
        seconds=max(0, int((opens - context.now()).total_seconds())),
        start=proto.instant(link.room.start_time),
        end=proto.instant(link.room.end_time),
        room_open=opens,
        zone=zones.zone(zone_name),
        zone_name=zone_name,
        zones=zone_choices.with_chosen(context.now(), zone_name),
        path=url_for("pages.show_join", token=token),
    )


def _words(link: JoinLink) -> tuple[str, str]:
    if link.is_open:
        return text("Your room is open"), text(
            "You are in the right place: this room is for you and the other side alone."
        )
    return text("Your video session"), text(
        "You are in the right place, a little early. Come back to this page when the room opens."
    )


def _call_words(side: int) -> str:
    """Return the truth about calls: this release opens and closes rooms, but carries no call."""
    if side == pb.SIDE_PROVIDER:
        return text(
            "This version of Attune opens and closes the room; the call itself does not run here"
            " yet. Please reach your client in the way that you have agreed on."
        )
    return text(
        "This version of Attune opens and closes the room; the call itself does not run here yet."
        " Your provider will be with you at the time of the session, in the way that you have"
        " agreed on."
    )
