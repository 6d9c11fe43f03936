"""The RPCs of FeedService. Tokens are in answers, never in logs."""

import contextlib
from collections.abc import Iterator
from uuid import UUID

import grpc
from sqlalchemy.orm import Session

from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune.calendar_sync.v1.feed_service_pb2_grpc import (
    FeedServiceServicer,
    add_FeedServiceServicer_to_server,
)
from calendar_sync import actions, rendering, store
from calendar_sync.actions import ProviderNotFound
from calendar_sync.adapters.availability import Providers
from calendar_sync.adapters.booking import Bookings
from calendar_sync.domain import Range
from calendar_sync.store import Feed
from common import ids
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.rpc.access import allow
from common.rpc.identity import caller
from common.rpc.server import Servicers


class FeedServicer(FeedServiceServicer):
    """A private feed of each provider's bookings."""

    def __init__(
        self, database: Database, clock: Clock, bookings: Bookings, providers: Providers
    ) -> None:
        self._database = database
        self._clock = clock
        self._bookings = bookings
        self._providers = providers

    @allow("feeds:manage")
    def GetFeed(
        self, request: pb.GetFeedRequest, context: grpc.ServicerContext
    ) -> pb.GetFeedResponse:
        """Return the token of a provider's feed, which is created on first use (spec CS-6).

        Errors: PROVIDER_NOT_FOUND, also for providers whom the caller may not see.
        """
        with self._feed(request.provider_id) as (session, feed):
            return pb.GetFeedResponse(token=actions.read_token(session, feed))

    @allow("feeds:manage")
    def RotateFeed(
        self, request: pb.RotateFeedRequest, context: grpc.ServicerContext
    ) -> pb.RotateFeedResponse:
        """Replace the token of a provider's feed (spec CS-6).

        Errors: PROVIDER_NOT_FOUND, also for providers whom the caller may not see.
        """
        with self._feed(request.provider_id) as (session, feed):
            return pb.RotateFeedResponse(token=actions.rotate_token(session, feed))

    @allow("feeds:export")
    def ReadFeed(
        self, request: pb.ReadFeedRequest, context: grpc.ServicerContext
    ) -> pb.ReadFeedResponse:
        """Return a provider's bookings as an iCalendar document (spec CS-6).

        Errors: FEED_NOT_FOUND.
        """
        now = self._clock.now()
        # Only the token tells whose feed it is.
        with self._database.transaction(EVERY_PRACTICE) as session:
            feed = actions.open_feed(session, request.token, now)
        shown = Range.around(now)
        bookings = self._bookings.list_shown(feed.practice_id, feed.provider_id, shown)
        return pb.ReadFeedResponse(icalendar=rendering.calendar(bookings))

    @contextlib.contextmanager
    def _feed(self, provider: str) -> Iterator[tuple[Session, Feed]]:
        """Open a transaction with the feed of a provider whom the caller may see.

        Raises ProviderNotFound.
        """
        practice_id, provider_id = caller().practice_id, ids.parse(provider, "provider_id")
        is_own = actions.is_own_feed(caller(), provider_id)
        with self._database.transaction(practice_id) as session:
            feed = store.feed_of(session, provider_id)
            if feed is not None:
                yield session, feed
                return
        if not is_own and not self._providers.exists(practice_id, provider_id):
            raise ProviderNotFound
        with self._database.transaction(practice_id) as session:
            yield session, store.add(session, UUID(practice_id), provider_id, self._clock.now())


def servicers(
    database: Database, clock: Clock, bookings: Bookings, providers: Providers
) -> Servicers:
    """Return the servicers of this service."""
    servicer = FeedServicer(database, clock, bookings, providers)
    return [(add_FeedServiceServicer_to_server, servicer)]
