"""The gRPC server and the channels to it: identity, deadlines, errors, retries, traces."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import text

from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune.calendar_sync.v1.feed_service_pb2_grpc import (
    FeedServiceServicer,
    add_FeedServiceServicer_to_server,
)
from attune_testing import identities
from attune_testing.measurements import Measurements
from attune_testing.serving import Served, serve
from attune_testing.stubs import CalendarSyncStub
from attune_testing.waiting import until
from common import ids
from common.db import encryption
from common.db.database import Database
from common.errors import (
    Conflict,
    DeadlineExceeded,
    DomainError,
    Invalid,
    NotAllowed,
    Unauthenticated,
    Unavailable,
    Unreadable,
)
from common.resilience import deadline
from common.rpc import channels, identity
from common.rpc import server as servers
from common.rpc.access import allow
from common.rpc.identity import VISITOR, Identity

SEALED = encryption.KeyRing(f"k0:{encryption.new_key()}", encryption.new_key()).seal(
    b"text", "feeds.token:7"
)
PRACTICE, CLIENT = ids.new(), ids.new()


class FeedTaken(Conflict):
    """Somebody has this feed."""


class Sample(FeedServiceServicer):
    """A servicer that does what the request's text says."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls = 0

    @allow("providers:create")
    def GetFeed(self, request: pb.GetFeedRequest, context: Any) -> pb.GetFeedResponse:  # noqa: N802  # the RPC's name
        return pb.GetFeedResponse(token=identity.caller().subject)

    @allow("providers:read")
    def RotateFeed(  # noqa: N802  # the RPC's name
        self, request: pb.RotateFeedRequest, context: Any
    ) -> pb.RotateFeedResponse:
        return pb.RotateFeedResponse(token=identity.caller().practice_id)

    @allow("feeds:export")
    def ReadFeed(self, request: pb.ReadFeedRequest, context: Any) -> pb.ReadFeedResponse:  # noqa: N802  # the RPC's name
        self.calls += 1
        if request.token == "taken":
            raise FeedTaken(field="feed", revision="7")
        if request.token == "bug":
            raise ValueError("Ottilie Vandermeer")
        if request.token == "unreadable":
            encryption.ring().open(SEALED, "feeds.token:7")
        if request.token == "twice" and self.calls < 3:
            raise Unavailable
        if request.token == "slow":
            with self.database.transaction("") as session:
                session.execute(text("SELECT pg_sleep(120)"))
        return pb.ReadFeedResponse(icalendar=str(deadline.remaining()).encode())


@pytest.fixture
def sample(database: Database) -> Sample:
    return Sample(database)


@pytest.fixture
def served(sample: Sample) -> Iterator[Served]:
    with serve([(add_FeedServiceServicer_to_server, sample)]) as server:
        yield server


@pytest.fixture
def stub(served: Served) -> Iterator[CalendarSyncStub]:
    with served.channel() as channel:
        yield CalendarSyncStub(channel)


def read(stub: Any, token: str) -> Any:
    with identity.acting_as(VISITOR):
        return stub.ReadFeed(pb.ReadFeedRequest(token=token))


def test_a_domain_error_arrives_as_it_was_raised(stub: Any) -> None:
    with pytest.raises(Conflict) as raised:
        read(stub, "taken")
    error = raised.value
    assert (error.reason, error.field, error.details) == (
        "FEED_TAKEN",
        "feed",
        {"revision": "7"},
    )
    assert error.message == "Somebody has this feed."


@pytest.mark.req("PF-12")
def test_the_duration_and_the_status_of_a_call_are_measured(
    stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[float, Any]] = []

    class Histogram:
        def record(self, seconds: float, attributes: dict[str, str]) -> None:
            measured.append((seconds, attributes["rpc.response.status_code"]))

    monkeypatch.setattr(servers, "_duration", Histogram())
    begin = time.perf_counter()
    read(stub, "")
    with pytest.raises(Conflict):
        read(stub, "taken")
    longest = time.perf_counter() - begin
    assert [status for _, status in measured] == ["OK", "ALREADY_EXISTS"]
    assert all(0 < seconds < longest for seconds, _ in measured)


@pytest.mark.req("PF-7", "GW-2")
def test_a_bug_tells_nothing(stub: Any) -> None:
    with pytest.raises(DomainError) as raised:
        read(stub, "bug")
    assert (raised.value.reason, raised.value.message) == ("INTERNAL", "Something went wrong")


@pytest.mark.req("PF-7")
def test_a_lost_key_is_told_by_reason_and_named_in_the_log(
    stub: Any, sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Unreadable) as raised:
        read(stub, "unreadable")
    assert (raised.value.reason, raised.value.message, sample.calls) == (
        "KEY_MISSING",
        "This is stored but can't be read now, because its encryption key is missing.",
        1,
    )
    assert caplog.messages == [
        "/attune.calendar_sync.v1.FeedService/ReadFeed: feeds.token:7: key 'k0' is not here"
    ]


@pytest.mark.req("PF-13")
def test_unavailable_is_tried_again(stub: Any, sample: Sample) -> None:
    assert read(stub, "twice")
    assert sample.calls == 3


@pytest.mark.req("PF-13")
def test_a_deadline_ends_the_statement_too(served: Served, database: Database) -> None:
    channel = channels.channel(f"ipv4:{served.address}", identities.signer(), timeout=0.4)
    with channel, pytest.raises(DeadlineExceeded):
        read(CalendarSyncStub(channel), "slow")
    until(lambda: not _running(database, "pg_sleep"))


def _running(database: Database, words: str) -> bool:
    with database.transaction("") as session:
        question = text(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE :words AND pid <> pg_backend_pid()"
        )
        return bool(session.scalar(question, {"words": f"%{words}%"}))


@pytest.mark.req("PF-13")
def test_the_deadline_is_passed_along(served: Served) -> None:
    channel = channels.channel(f"ipv4:{served.address}", identities.signer(), timeout=1.5)
    with channel:
        answer = read(CalendarSyncStub(channel), "left")
    assert 0 < float(answer.icalendar) < 1.6  # the wire rounds it up


@pytest.mark.req("GW-13")
def test_only_those_allowed_may_call(stub: Any) -> None:
    request = pb.GetFeedRequest()
    with identity.acting_as(identities.staff(PRACTICE, "owner", account_id="a")):
        assert stub.GetFeed(request).token == "account:a"
    with identity.acting_as(identities.staff(PRACTICE, "clinician")), pytest.raises(NotAllowed):
        stub.GetFeed(request)
    with identity.acting_as(VISITOR), pytest.raises(Unauthenticated):
        stub.GetFeed(request)
    with identity.acting_as(identities.client(PRACTICE, CLIENT)), pytest.raises(NotAllowed):
        stub.RotateFeed(pb.RotateFeedRequest())


@pytest.mark.req("GW-13")
def test_a_service_speaks_only_for_itself(served: Served) -> None:
    with served.channel("operator") as channel:
        stub = CalendarSyncStub(channel)
        assert stub.GetFeed(pb.GetFeedRequest()).token == "service:operator"
        for pretence in (identities.staff(PRACTICE, "owner"), Identity("service:gateway")):
            with identity.acting_as(pretence), pytest.raises(Unauthenticated):
                stub.GetFeed(pb.GetFeedRequest())


@pytest.mark.req("GW-13")
@pytest.mark.parametrize(
    "odd",
    [
        Identity("king:1", roles=frozenset({"owner"})),
        Identity("account:1", roles=frozenset({"owner", "king"})),
        Identity("king:1", roles=frozenset({"king"})),
        Identity("account:1", practice_id="*"),
        Identity("account:1", provider_id="1"),
        Identity("client:1", client_id="1"),
        Identity("client:1", booking_id="1"),
    ],
)
def test_an_identity_of_no_known_kind_role_or_id_is_refused(odd: Identity) -> None:
    """Such an identity is refused even if the gateway has signed it."""
    verifier = identity.Verifier(identities.PUBLIC_KEYS)
    known = Identity("account:1", str(PRACTICE), frozenset({"owner", "clinician"}), str(CLIENT))
    assert verifier.verify(identities.signer().sign(known)) == known
    with pytest.raises(Unauthenticated):
        verifier.verify(identities.signer().sign(odd))


@pytest.mark.req("GW-13")
@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJnYXRld2F5In0."]
)
def test_without_a_valid_identity_nothing_is_answered(served: Served, token: str) -> None:
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = CalendarSyncStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.ReadFeed(pb.ReadFeedRequest(), metadata=[(identity.METADATA, token)], timeout=5)
        error: Any = raised.value
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED


def test_an_rpc_that_names_nobody_cannot_be_served(sample: Sample) -> None:
    class Careless(Sample):
        def GetFeed(  # noqa: N802  # the RPC's name
            self, request: pb.GetFeedRequest, context: Any
        ) -> pb.GetFeedResponse:
            return pb.GetFeedResponse()

    with (
        pytest.raises(TypeError, match="GetFeed does not say who may call it"),
        serve([(add_FeedServiceServicer_to_server, Careless(sample.database))]),
    ):
        pass


@pytest.mark.req("PF-12")
def test_health_needs_no_identity(served: Served) -> None:
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        alive = stub.Check(health_pb2.HealthCheckRequest(service="liveness"), timeout=5)
        ready = stub.Check(health_pb2.HealthCheckRequest(service="readiness"), timeout=5)
    assert alive.status == health_pb2.HealthCheckResponse.SERVING
    assert ready.status == health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.req("PF-12")
def test_a_stopping_server_finishes_what_runs(sample: Sample) -> None:
    with ThreadPoolExecutor(1) as pool:
        with serve([(add_FeedServiceServicer_to_server, sample)]) as server:
            channel = server.channel()
            stub: Any = CalendarSyncStub(channel)
            answer = pool.submit(read, stub, "left")
            while sample.calls == 0:
                time.sleep(0.001)
        assert answer.result().icalendar
        channel.close()


@pytest.mark.req("PF-13")
@pytest.mark.parametrize("code", ["UNKNOWN", "INTERNAL", "CANCELLED", "RESOURCE_EXHAUSTED"])
def test_what_grpc_itself_ended_can_be_tried_again(code: str) -> None:
    def end(_request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode[code], "Stream removed")

    server = grpc.server(ThreadPoolExecutor(1))
    handler: Any = grpc.unary_unary_rpc_method_handler(end)
    service = pb.DESCRIPTOR.services_by_name["FeedService"].full_name
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {"ReadFeed": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with (
        channels.channel(f"ipv4:127.0.0.1:{port}", identities.signer()) as channel,
        pytest.raises(Unavailable),
    ):
        read(CalendarSyncStub(channel), "x")
    server.stop(None)


@pytest.mark.req("PF-13")
def test_an_unreachable_service_is_unavailable() -> None:
    with (
        channels.channel("ipv4:127.0.0.1:1", identities.signer(), timeout=3) as channel,
        pytest.raises(Unavailable),
    ):
        read(CalendarSyncStub(channel), "x")


def test_invalid_keeps_its_field() -> None:
    assert Invalid("no", field="client.email").field == "client.email"


@pytest.mark.req("PF-12")
def test_calls_are_measured_by_method_and_status(stub: Any, measurements: Measurements) -> None:
    before = calls(measurements, "OK"), calls(measurements, "ALREADY_EXISTS")
    read(stub, "known")
    with pytest.raises(Conflict):
        read(stub, "taken")
    after = calls(measurements, "OK"), calls(measurements, "ALREADY_EXISTS")
    assert after == (before[0] + 1, before[1] + 1)
    [point] = measurements.points(
        "rpc.server.call.duration", rpc_method=READ_FEED, rpc_response_status_code="OK"
    )
    assert dict(point.attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": READ_FEED,
        "rpc.response.status_code": "OK",
    }
    assert {0.25, 1.0} <= set(point.explicit_bounds), "the thresholds of objectives"


READ_FEED = "attune.calendar_sync.v1.FeedService/ReadFeed"


def calls(measurements: Measurements, code: str) -> float:
    return measurements.total(
        "rpc.server.call.duration", rpc_method=READ_FEED, rpc_response_status_code=code
    )
