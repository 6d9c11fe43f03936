"""The page behind a join link (spec RM-2): when the session is, what one needs, and whether the
room is open. A link that is not valid is not found."""

from flask import Blueprint, render_template, request, url_for

from attune.telehealth_rooms.v1 import room_service_pb2 as pb
from common import zones
from gateway import times
from gateway.backends import backends
from gateway.pages import context, formats
from gateway.pages.language import text


def register(pages: Blueprint) -> None:
    pages.add_url_rule("/join/<token>", "show_join", show)


def show(token: str) -> str:
    """What the link opens."""
    found = backends().rooms.ResolveLink(pb.ResolveLinkRequest(token=token))
    room = found.room
    asked = request.args.get("tz", "")
    zone_name = formats.present_name(asked if asked in zones.NAMES else "UTC")
    zone = zones.zone(zone_name)
    opens = times.instant(room.open_time)
    heading, lead = _words(found)
    return render_template(
        "join.html",
        private=True,
        heading=heading,
        lead=lead,
        call_words=_call_words(found.side),
        open=found.open,
        seconds=max(0, int((opens - context.now()).total_seconds())),
        start=times.instant(room.start_time),
        end=times.instant(room.end_time),
        room_open=opens,
        zone=zone,
        zone_name=zone_name,
        zones=formats.zone_choices(context.now(), zone_name),
        path=url_for("pages.show_join", token=token),
    )


def _words(found: pb.ResolveLinkResponse) -> tuple[str, str]:
    if found.open:
        return text("Your room is open"), text(
            "You are in the right place: this room is for you and the other side alone."
        )
    return text("Your video session"), text(
        "You are in the right place, a little early. Come back to this page when the room opens."
    )


def _call_words(side: int) -> str:
    """The truth: this release opens and closes rooms, and does not carry the call yet."""
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
