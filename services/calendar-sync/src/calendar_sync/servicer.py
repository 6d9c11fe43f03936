"""The RPCs of calendar-sync. Tokens are answered, never logged."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attune.availability.v1.provider_service_pb2 import GetProviderRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.booking.v1.booking_pb2 import Booking
from attune.booking.v1.booking_service_pb2 import ListBookingsRequest
from attune.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune.calendar_sync.v1.feed_service_pb2_grpc import (
    FeedServiceServicer,
    add_FeedServiceServicer_to_server,
)
from calendar_sync import domain, store
from common import audit, ids
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound
from common.rpc import identity
from common.rpc.access import allow
from common.rpc.identity import Identity
from common.rpc.server import Servicers

_PAGE = 200


class ProviderNotFound(NotFound):
    """There is no such provider."""


class FeedNotFound(NotFound):
    """There is no such feed."""


class CalendarSyncServicer(FeedServiceServicer):
    """Calendars outside the product."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bookings: BookingServiceStub,
        providers: ProviderServiceStub,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bookings = bookings
        self._providers = providers

    @allow("feeds:manage")
    def GetFeed(
        self, request: pb.GetFeedRequest, context: grpc.ServicerContext
    ) -> pb.GetFeedResponse:
        """The token of a provider's private feed, made on first use (spec CS-6).

        Errors: PROVIDER_NOT_FOUND, also for whom the caller may not see.
        """
        feed = self._feed(request.provider_id)
        with self._database.transaction(feed.practice_id) as session:
            audit.record(session, "feed.read", feed=feed.id, provider=feed.provider_id)
        return pb.GetFeedResponse(token=feed.token)

    @allow("feeds:manage")
    def RotateFeed(
        self, request: pb.RotateFeedRequest, context: grpc.ServicerContext
    ) -> pb.RotateFeedResponse:
        """A new token; the old one shows nothing any more (spec CS-6).

        Errors: PROVIDER_NOT_FOUND, also for whom the caller may not see.
        """
        feed = self._feed(request.provider_id)
        with self._database.transaction(feed.practice_id) as session:
            token = store.rotate(session, feed.id)
            audit.record(session, "feed.rotate", feed=feed.id, provider=feed.provider_id)
        return pb.RotateFeedResponse(token=token)

    @allow("feeds:export")
    def ReadFeed(
        self, request: pb.ReadFeedRequest, context: grpc.ServicerContext
    ) -> pb.ReadFeedResponse:
        """The provider's bookings as an iCalendar document: confirmed, held, and, tentative,
        requested ones, from 30 days back to 400 days ahead (spec CS-6).

        Errors: FEED_NOT_FOUND.
        """
        # The token alone says whose feed it is.
        with self._database.transaction(EVERY_PRACTICE) as session:
            feed = store.find(session, request.token)
            if feed is None:
                raise FeedNotFound
            audit.record(
                session,
                "feed.export",
                practice_id=feed.practice_id,
                feed=feed.id,
                provider=feed.provider_id,
            )
        with _acting_for(feed.practice_id):
            return pb.ReadFeedResponse(icalendar=domain.calendar(self._bookings_of(feed)))

    def _feed(self, provider: str) -> store.Feed:
        """The feed of a provider whom the caller may see; raises ProviderNotFound."""
        caller, provider_id = identity.caller(), ids.parse(provider, "provider_id")
        own = caller.provider_id == str(provider_id)
        if not own and not caller.sees_whole_practice:
            raise ProviderNotFound
        with self._database.transaction(caller.practice_id) as session:
            feed = store.feed_of(session, provider_id)
        if feed is None:
            if not own:
                self._check_provider(caller.practice_id, provider_id)
            with self._database.transaction(caller.practice_id) as session:
                feed = store.make(session, UUID(caller.practice_id), provider_id)
        return feed

    def _check_provider(self, practice_id: str, provider_id: UUID) -> None:
        """Raises ProviderNotFound unless it is one of the practice."""
        with _acting_for(practice_id):
            try:
                self._providers.GetProvider(GetProviderRequest(provider_id=str(provider_id)))
            except NotFound:
                raise ProviderNotFound from None

    def _bookings_of(self, feed: store.Feed) -> Iterator[Booking]:
        shown = domain.Range.around(self._clock.now())
        request = ListBookingsRequest(
            provider_id=str(feed.provider_id),
            from_time=_timestamp(shown.start),
            to_time=_timestamp(shown.end),
            statuses=domain.SHOWN,
            page_size=_PAGE,
        )
        while True:
            page = self._bookings.ListBookings(request)
            yield from page.bookings
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _acting_for(practice_id: object) -> AbstractContextManager[None]:
    """Calls made inside are this service's own, for a practice."""
    return identity.acting_as(Identity("service:calendar-sync", str(practice_id)))


def _timestamp(at: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


def servicers(
    database: Database, clock: Clock, bookings: BookingServiceStub, providers: ProviderServiceStub
) -> Servicers:
    """Return the servicers of this service."""
    servicer = CalendarSyncServicer(database, clock, bookings, providers)
    return [
        (add_FeedServiceServicer_to_server, servicer),
    ]
