"""A provider's private calendar feed."""

from flask import Response

from attune.calendar_sync.v1 import feed_service_pb2 as rpc
from common.errors import Invalid, NotFound
from gateway import links
from gateway.api.bookings import provider_id
from gateway.api.operation import Access, Operations
from gateway.backends import backends
from gateway.schemas import setup as schemas

ICALENDAR = "text/calendar"
calendars = Operations("calendars", "A provider's private calendar feed.")
feeds = Operations("calendar_feeds", "The feeds themselves.", prefix="")


@calendars.operation(
    "GET",
    "/providers/<username>/calendar-feed",
    schemas.CalendarFeed,
    access=Access.STAFF,
    errors=(404,),
)
def get_calendar_feed(username: str) -> schemas.CalendarFeed:
    """The address of a provider's feed

    Made on first use. Whoever has it can read the feed.
    """
    request = rpc.GetFeedRequest(provider_id=provider_id(username))
    found = backends().feeds.GetFeed(request)
    return schemas.CalendarFeed(url=links.feed(found.token))


@calendars.operation(
    "POST",
    "/providers/<username>/calendar-feed/rotate",
    schemas.CalendarFeed,
    access=Access.STAFF,
    errors=(404,),
)
def rotate_calendar_feed(username: str) -> schemas.CalendarFeed:
    """Give a provider's feed a new address

    The old one shows nothing any more.
    """
    request = rpc.RotateFeedRequest(provider_id=provider_id(username))
    made = backends().feeds.RotateFeed(request)
    return schemas.CalendarFeed(url=links.feed(made.token))


@feeds.operation(
    "GET",
    "/calendar/<token>.ics",
    None,
    content_type=ICALENDAR,
    cached=True,
    errors=(404,),
)
def read_calendar_feed(token: str) -> Response:
    """The feed as an iCalendar document (RFC 5545)"""
    try:
        found = backends().feeds.ReadFeed(rpc.ReadFeedRequest(token=token))
    except Invalid:
        raise NotFound from None
    response = Response(found.icalendar, content_type=f"{ICALENDAR}; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-cache"  # for whoever has the token alone
    return response
