"""Dependencies that keep connections open but do not answer."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune.calendar_sync.v1.feed_service_pb2_grpc import (
    FeedServiceServicer,
    add_FeedServiceServicer_to_server,
)
from attune_testing import identities
from attune_testing.serving import serve
from attune_testing.stubs import CalendarSyncStub
from attune_testing.waiting import steady, until
from common.db import database
from common.db.database import Database
from common.errors import DeadlineExceeded, Unavailable
from common.resilience import bulkhead, deadline
from common.rpc import channels, identity
from common.rpc.access import allow
from common.rpc.identity import VISITOR
from tests.faults import Proxy

pytestmark = pytest.mark.req("PF-13")


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    url = database.engine.url
    assert url.host
    assert url.port
    with Proxy(url.port, url.host) as made:
        yield made


@pytest.fixture
def through(database: Database, proxy: Proxy) -> Iterator[Database]:
    """The same database behind a proxy, with open connections."""
    url = database.engine.url.set(host="127.0.0.1", port=proxy.port)
    made = Database(url.render_as_string(hide_password=False), 4, patience=0.5)
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(lambda _: ask(made), range(4)))
    yield made
    made.close()


def ask(database: Database, statement: str = "SELECT 1") -> Any:
    with database.transaction("") as session:
        return session.scalar(text(statement))


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """Return a call's result, or the class of its exception, and the seconds that it took."""
    began = steady()
    try:
        came: Any = act()
    except Unavailable as error:
        came = type(error.__cause__ or error)
    return came, steady() - began


def test_a_silent_database_is_given_up_soon_then_tried_now_and_then(
    through: Database, proxy: Proxy
) -> None:
    proxy.freeze()
    with ThreadPoolExecutor(4) as crowd:
        found = [*crowd.map(lambda _: timed(lambda: ask(through)), range(4))]
    assert {came for came, _ in found} == {OperationalError}
    assert max(seconds for _, seconds in found) < deadline.LONGEST / 3
    began = time.monotonic()
    found = [timed(lambda: ask(through)) for _ in range(20)]
    tries = [came for came, _ in found].count(OperationalError)
    assert tries <= 1 + (time.monotonic() - began) // bulkhead._TRY
    assert [came for came, _ in found].count(Unavailable) == 20 - tries
    at_once = [seconds for came, seconds in found if came is Unavailable]
    assert statistics.median(at_once) < database._GRACE / 2
    proxy.thaw()
    until(lambda: timed(lambda: ask(through))[0] == 1)


def test_a_slow_statement_is_no_silence(through: Database) -> None:
    came, seconds = timed(lambda: ask(through, "SELECT pg_sleep(5)"))
    assert (came, seconds < 5 / 2) == (OperationalError, True)
    assert ask(through) == 1, "the others go on"


def test_a_commit_that_is_not_answered_ends_too(through: Database, proxy: Proxy) -> None:
    def write() -> None:
        with through.transaction("") as session:
            session.execute(text("SELECT 1"))
            proxy.freeze()

    came, seconds = timed(write)
    proxy.thaw()
    assert (came, seconds < deadline.LONGEST / 3) == (OperationalError, True)


class Asleep(FeedServiceServicer):
    """A servicer whose feeds are read after `seconds`."""

    seconds = 0.0

    @allow("feeds:export")
    def ReadFeed(self, request: pb.ReadFeedRequest, context: Any) -> pb.ReadFeedResponse:  # noqa: N802  # the RPC's name
        time.sleep(self.seconds)
        return pb.ReadFeedResponse()

    @allow("feeds:manage")
    def GetFeed(self, request: pb.GetFeedRequest, context: Any) -> pb.GetFeedResponse:  # noqa: N802  # the RPC's name
        return pb.GetFeedResponse()

    @allow("feeds:manage")
    def RotateFeed(  # noqa: N802  # the RPC's name
        self, request: pb.RotateFeedRequest, context: Any
    ) -> pb.RotateFeedResponse:
        return pb.RotateFeedResponse()


def read(channel: grpc.Channel, seconds: float = 1.0) -> Any:
    with identity.acting_as(VISITOR), deadline.within(seconds):
        return CalendarSyncStub(channel).ReadFeed(pb.ReadFeedRequest())


def test_a_slow_service_has_its_share_of_the_threads_and_no_more() -> None:
    servicer = Asleep()
    with (
        serve([(add_FeedServiceServicer_to_server, servicer)]) as served,
        channels.channel(
            f"ipv4:{served.address}", identities.signer(), most=3, max_wait=0.5
        ) as channel,
        ThreadPoolExecutor(20) as crowd,
    ):
        read(channel)
        servicer.seconds = 1.5
        calls = [crowd.submit(timed, lambda: read(channel)) for _ in range(20)]
        found = [call.result() for call in calls]
        late = [seconds for came, seconds in found if came is DeadlineExceeded]
        assert len(late) == 3
        assert [came for came, _ in found].count(Unavailable) == 17
        assert max(seconds for came, seconds in found if came is Unavailable) < 1.5
        servicer.seconds = 0
        until(lambda: timed(lambda: read(channel))[0] == pb.ReadFeedResponse())


def test_a_call_that_had_hardly_any_time_tells_nothing_of_the_service() -> None:
    servicer = Asleep()
    with (
        serve([(add_FeedServiceServicer_to_server, servicer)]) as served,
        channels.channel(f"ipv4:{served.address}", identities.signer()) as channel,
    ):
        servicer.seconds = 0.3
        for _ in range(3):
            assert timed(lambda: read(channel, 0.05))[0] is DeadlineExceeded
        assert timed(lambda: read(channel))[0] == pb.ReadFeedResponse()
