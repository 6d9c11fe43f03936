"""Private calendar feeds of providers, in calendar-sync."""

from attune.calendar_sync.v1 import feed_service_pb2 as rpc
from gateway.backends.stubs import stubs


def token(provider_id: str) -> str:
    """Return the token of a provider's feed, which is made on first use."""
    return stubs().feeds.GetFeed(rpc.GetFeedRequest(provider_id=provider_id)).token


def rotate_token(provider_id: str) -> str:
    """Give a provider's feed a new token, so that the old one opens nothing, and return it."""
    return stubs().feeds.RotateFeed(rpc.RotateFeedRequest(provider_id=provider_id)).token


def read(token: str) -> bytes:
    """Return a feed as an iCalendar document. Raises NotFound or Invalid."""
    return stubs().feeds.ReadFeed(rpc.ReadFeedRequest(token=token)).icalendar
