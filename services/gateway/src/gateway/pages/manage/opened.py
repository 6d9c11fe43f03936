"""The booking that a manage link opens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import request, url_for

from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2 as types
from common import proto, zones
from common.errors import DomainError, NotFound, Unauthenticated
from common.rpc import identity
from common.rpc.identity import Identity
from gateway.backends import bookings, providers
from gateway.backends.providers import Profile
from gateway.identity import manage_links
from gateway.pages.shared import context, zone_choices
from gateway.web import cookies
from gateway.web.cookies import AnyResponse

_COOKIE = "attune_appointment"
_REMEMBERED = timedelta(hours=12)

UPCOMING = (pb.BOOKING_STATUS_REQUESTED, pb.BOOKING_STATUS_CONFIRMED)


@dataclass(frozen=True)
class Opened:
    """A booking, and its client, who has come by the link."""

    token: str
    client: Identity
    booking: pb.Booking
    profile: Profile

    @property
    def path(self) -> str:
        return url_for("pages.show_manage", token=self.token)

    @property
    def zone_name(self) -> str:
        """The zone that the address asks for, else the client's."""
        asked = (request.args.get("tz", ""), self.booking.contact.timezone, self.booking.timezone)
        return zone_choices.present_name(next((n for n in asked if n in zones.NAMES), "UTC"))

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def place_zone(self) -> ZoneInfo | None:
        """The zone of the place of an in-person session, if its clocks differ (spec BK-13)."""
        place = zones.zone(self.profile.provider.timezone)
        here, there = self.start.astimezone(self.zone), self.start.astimezone(place)
        is_in_person = self.booking.mode == types.MODE_IN_PERSON
        return place if is_in_person and here.utcoffset() != there.utcoffset() else None

    @property
    def query(self) -> str:
        """The query string that keeps the zone that the address asks for."""
        asked = request.args.get("tz", "")
        return f"?{urlencode({'tz': asked})}" if asked in zones.NAMES else ""

    @property
    def start(self) -> datetime:
        return proto.instant(self.booking.start_time)

    @property
    def is_upcoming(self) -> bool:
        return self.booking.status in UPCOMING and self.start > context.now()


def resolve(token: str) -> Opened:
    """Return what a link opens. Raises NotFound for a link that is not valid."""
    try:
        client = manage_links.holder(token)
    except Unauthenticated:
        raise NotFound from None
    with identity.acting_as(client):
        booking = bookings.get(client.booking_id)
    return Opened(token, client, booking, providers.profile(booking.username))


def remember(response: AnyResponse, opened: Opened) -> AnyResponse:
    """Have this browser remember the link, so that the page of the video room leads back to it.

    A link into a room goes on to people and calendars that must not get the manage link with it.
    """
    return cookies.set_on(response, _COOKIE, opened.token, _REMEMBERED)


def remembered_path(booking_id: str) -> str:
    """Return the path of a booking's page if this browser opened it lately, else an empty text."""
    token = cookies.read(_COOKIE)
    if not token:
        return ""
    try:
        client = manage_links.holder(token)
    except DomainError:
        return ""
    is_same = client.booking_id == booking_id
    return url_for("pages.show_manage", token=token) if is_same else ""
