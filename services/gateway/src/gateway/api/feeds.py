"""Private calendar feeds of providers."""

from flask import Response

from common.errors import Invalid, NotFound
from gateway.backends import feeds as backend
from gateway.backends import providers
from gateway.openapi.operation import Access, Operations, Tag
from gateway.schemas import feeds as schemas
from gateway.web import links

ICALENDAR = "text/calendar"
feeds = Operations("feeds", Tag("Calendars", "Private addresses of providers' calendar feeds."))
documents = Operations(
    "feed_documents", Tag("Calendar feeds", "The feeds that calendar apps subscribe to."), prefix=""
)


@feeds.operation(
    "GET",
    "/providers/<username>/calendar-feed",
    schemas.CalendarFeed,
    access=Access.STAFF,
    errors=(404,),
)
def get_calendar_feed(username: str) -> schemas.CalendarFeed:
    """Get a provider's calendar feed

    Creates the feed's address on first use. Anyone with the address can read the feed.
    """
    token = backend.token(providers.id_of(username))
    return schemas.CalendarFeed(url=links.feed(token))


@feeds.operation(
    "POST",
    "/providers/<username>/calendar-feed/rotate",
    schemas.CalendarFeed,
    access=Access.STAFF,
    errors=(404,),
)
def rotate_calendar_feed(username: str) -> schemas.CalendarFeed:
    """Replace a calendar feed's address

    The old address stops working right away.
    """
    token = backend.rotate_token(providers.id_of(username))
    return schemas.CalendarFeed(url=links.feed(token))


@documents.operation(
    "GET",
    "/calendar/<token>.ics",
    None,
    content_type=ICALENDAR,
    cached=True,
    errors=(404,),
)
def read_calendar_feed(token: str) -> Response:
    """Read a calendar feed

    Returns an iCalendar document (RFC 5545) for calendar apps to subscribe to.
    """
    try:
        document = backend.read(token)
    except Invalid:
        raise NotFound from None
    response = Response(document, content_type=f"{ICALENDAR}; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"  # only the holder of the token reads it
    return response
