"""Any bytes to any RPC from any caller get OK or a failure with a reason, never INTERNAL, and the
service survives.

There are a few seeded examples for each RPC; with ATTUNE_FUZZ_SECONDS (`make fuzz SECONDS=600`),
random ones for that long.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from attune.availability.v1 import availability_pb2 as availability
from attune.availability.v1.hours_service_pb2 import (
    CreateOverrideRequest,
    ReplaceWeeklyHoursRequest,
)
from attune.availability.v1.physical_room_service_pb2 import CreatePhysicalRoomRequest
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import (
    CreateProviderRequest,
    GetProfileRequest,
    ListProvidersRequest,
)
from attune.availability.v1.service_type_service_pb2 import CreateServiceTypeRequest
from attune.availability.v1.slot_service_pb2 import ListNextSlotsRequest
from attune.booking.v1 import booking_pb2 as booking
from attune.booking.v1 import booking_service_pb2 as booking_rpc
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest
from attune.calendar_sync.v1 import feed_service_pb2 as calendar_rpc
from attune.common.v1 import types_pb2 as types
from attune.telehealth_rooms.v1 import room_service_pb2 as rooms_rpc
from attune_local.stack import Stack
from attune_testing import identities
from attune_testing.stubs import (
    AvailabilityStub,
    BookingStub,
    CalendarSyncStub,
    TelehealthRoomsStub,
)
from common import ids
from common.audit import Entry
from common.db.cursor import Keyset
from common.rpc import channels, identity
from common.rpc.identity import VISITOR, Identity
from common.services import GATEWAY, OPERATOR, SERVICES
from tests.fuzzing import Pool, Rpc, payloads, rpcs

RPCS = rpcs()
PATIENCE = 10.0  # seconds
EXAMPLES = 6
NO_MESSAGE = b"\xff"
SECONDS = float(os.environ.get("ATTUNE_FUZZ_SECONDS", "0"))
NAME, EMAIL = "Ottilie Vandermeer", "ottilie@vandermeer.example"
PHONE, NOTE = "+12125550167", "since the flood"
REFUSED = {StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED}
FAILURES = REFUSED | {
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.ABORTED,
    StatusCode.FAILED_PRECONDITION,
}


@dataclass(frozen=True)
class Answer:
    """The outcome of a call."""

    code: StatusCode
    payload: bytes = b""
    message: str = ""
    reason: str = ""
    details: str = ""


class Port:
    """A service's own port, called as the gateway does, with bytes instead of messages."""

    def __init__(self, stack: Stack, service: str) -> None:
        self.signer = identity.Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
        self._processes = [p for p in stack.processes if p.name == service]
        self._read = [process.log.stat().st_size for process in self._processes]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self._processes[0].port}")

    def call(
        self,
        rpc: Rpc,
        caller: Identity,
        payload: bytes,
        timeout: float = PATIENCE,
        metadata: tuple[tuple[str, str | bytes], ...] = (),
        compression: grpc.Compression | None = None,
    ) -> Answer:
        """Call an RPC, signed as this caller unless `metadata` is given, and return the outcome."""
        signed = metadata or ((identity.METADATA, self.signer.sign(caller)),)
        method: Any = self.channel.unary_unary(rpc.path)
        try:
            answer = method(payload, timeout=timeout, metadata=signed, compression=compression)
            return Answer(StatusCode.OK, answer)
        except grpc.RpcError as error:
            return failed(error)

    def complaints(self) -> list[str]:
        """Return the errors that the service has logged since the previous call."""
        found = []
        for at, process in enumerate(self._processes):
            with process.log.open("rb") as log:
                log.seek(self._read[at])
                lines = log.read().decode(errors="replace").splitlines()
                self._read[at] = log.tell()
            found += [line for line in lines if '"level": "ERROR"' in line or line[:1] != "{"]
        return found

    def is_alive(self) -> bool:
        return all(process.handle.poll() is None for process in self._processes)


def failed(error: Any) -> Answer:
    """Return the outcome of a failed call, with its reason."""
    trailing = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing.get("grpc-status-details-bin", b""))
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        detail.Unpack(info)
    return Answer(
        error.code(), b"", error.details() or "", info.reason, json.dumps(dict(info.metadata))
    )


@dataclass(frozen=True)
class Ground:
    """A practice with many resources to find, and the callers."""

    callers: dict[str, Identity]
    pool: Pool

    @classmethod
    def make(cls, stack: Stack) -> "Ground":
        """Create a practice with two providers, four bookings, a hold, a room, an override, and a
        feed."""
        return _Maker(stack).ground()


class _Maker:
    def __init__(self, stack: Stack) -> None:
        signer = identity.Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
        opened = {s: channels.channel(stack.target(s), signer, PATIENCE) for s in SERVICES}
        self.availability = AvailabilityStub(opened["availability"])
        self.booking = BookingStub(opened["booking"])
        self.calendar = CalendarSyncStub(opened["calendar-sync"])
        self.rooms = TelehealthRoomsStub(opened["telehealth-rooms"])

    def ground(self) -> Ground:
        with identity.acting_as(identities.service(OPERATOR)):
            practice = self._practice()
        staff = identities.staff(practice.practice_id, "owner")
        with identity.acting_as(staff):
            types_, room = [self._type("session"), self._type("talk")], self._room()
            provider, other = self._provider(), self._provider(confirmation="CONFIRMATION_APPROVAL")
            override = self._override(provider.username)
            feed = self.calendar.GetFeed(
                calendar_rpc.GetFeedRequest(provider_id=provider.provider_id)
            )
        starts = self._starts(provider.username)
        made = [self._book(who, starts[at]) for who in (provider, other) for at in (0, 8)]
        visitor = secrets.token_urlsafe(12)
        hold = self._hold(provider, starts[16], visitor)
        with identity.acting_as(identities.service("notifications", practice.practice_id)):
            links = self.rooms.GetRoom(rooms_rpc.GetRoomRequest(booking_id=made[0].booking_id))
        with identity.acting_as(staff):
            listed = self.availability.ListProviders(ListProvidersRequest(page_size=1))
        minute = int(time.time()) // 60
        pool: dict[str, list[Any]] = {
            "username": [provider.username, other.username],
            "service": ["session", "talk"],
            "slug": ["session", *(f"new-{secrets.token_hex(4)}" for _ in range(9))],
            "service_type_id": [one.service_type_id for one in types_],
            "practice_id": [practice.practice_id],
            "provider_id": [provider.provider_id, other.provider_id],
            "room_id": [room.room_id, ""],
            "override_id": [override.override_id],
            "booking_id": [one.booking_id for one in made],
            "client_id": [one.client.client_id for one in made],
            "hold_id": [hold.hold_id, ""],
            "visitor_id": [visitor],
            "token": [feed.token, links.provider_token, links.client_token],
            "manage_token": [one.manage_token for one in made],
            "page_token": ["", listed.next_page_token, *_page_tokens()],
            "revision": ["", made[0].revision, hold.revision, "0.1"],
            "request_id": ["", secrets.token_hex(8), "again"],
            "seconds": [int(datetime.fromisoformat(s).timestamp()) for s in starts[:20]],
            "first_minute": [minute],
            "end_minute": [minute + 7 * 1440, minute + 90 * 1440],
            "count": [1, 50],
            "page_size": [0, 1, 200],
            "name": [NAME],
            "display_name": [NAME],
            "email": [EMAIL, f"{secrets.token_hex(4)}@client.example"],
            "to": [made[0].client.email],
            "phone": ["", PHONE],
            "note": [NOTE, ""],
            "reason_text": [NOTE, ""],
            "timezone": ["America/New_York", "Pacific/Apia", "Africa/Monrovia"],
            "currency_code": ["USD", ""],
            "date": [(date.today() + timedelta(days=3)).isoformat()],
            "from_date": ["", date.today().isoformat()],
            "day": [0, 3, 6],
            "start": ["09:00", "00:00", "13:00"],
            "end": ["12:00", "17:00", "24:00"],
            "duration_minutes": [50, 5],
            "update_fields": [f.name for f in availability.ServiceType.DESCRIPTOR.fields],
            "version": [1, 2, 3],
            "minimum_notice_minutes": [0],
            "hold_minutes": [5],
            "minor_units": [0, 15000],
        }
        mine, client = practice.practice_id, made[0].client.client_id
        return Ground(
            {
                "visitor": VISITOR,
                "client": identities.client(mine, client),
                "manage link": identities.client(mine, client, made[0].booking_id),
                "owner": staff,
                "clinician": identities.staff(mine, "clinician", provider_id=provider.provider_id),
                "clinician without hours": identities.staff(mine, "clinician"),
                "supervisor": identities.staff(mine, "supervisor"),
                "stranger": identities.staff(secrets.token_hex(16), "owner"),
                "booking": identities.service("booking"),
                "notifications": identities.service("notifications", mine),
                "gateway": identities.service(GATEWAY),
                "operator": identities.service(OPERATOR, mine),
                "operator of none": identities.service(OPERATOR),
            },
            pool,
        )

    def _practice(self) -> availability.Practice:
        wanted = availability.Practice(
            name="Practice", timezone="America/New_York", currency_code="USD"
        )
        request = CreatePracticeRequest(practice=wanted)
        return self.availability.CreatePractice(request).practice

    def _type(self, slug: str) -> availability.ServiceType:
        wanted = availability.ServiceType(
            slug=slug,
            title="Title",
            duration_minutes=50,
            modes=[types.MODE_TELEHEALTH, types.MODE_IN_PERSON, types.MODE_PHONE],
            active=True,
            online=True,
            telehealth_enabled=True,
        )
        request = CreateServiceTypeRequest(service_type=wanted)
        return self.availability.CreateServiceType(request).service_type

    def _room(self) -> availability.PhysicalRoom:
        wanted = availability.PhysicalRoom(name="Room")
        request = CreatePhysicalRoomRequest(physical_room=wanted)
        return self.availability.CreatePhysicalRoom(request).physical_room

    def _provider(self, **policies: Any) -> availability.Provider:
        wanted = availability.Provider(
            username=f"f-{secrets.token_hex(5)}",
            display_name="Provider",
            timezone="America/New_York",
            policies=availability.Policies(**policies),
        )
        request = CreateProviderRequest(provider=wanted)
        made = self.availability.CreateProvider(request).provider
        blocks = [availability.WeeklyBlock(day=d, start="09:00", end="17:00") for d in range(7)]
        self.availability.ReplaceWeeklyHours(
            ReplaceWeeklyHoursRequest(
                username=made.username, hours=availability.WeeklyHours(blocks=blocks)
            )
        )
        return made

    def _override(self, username: str) -> availability.Override:
        wanted = availability.Override(date=(date.today() + timedelta(days=30)).isoformat())
        request = CreateOverrideRequest(username=username, override=wanted)
        return self.availability.CreateOverride(request).override

    def _starts(self, username: str) -> list[str]:
        request = ListNextSlotsRequest(
            username=username, service="session", mode=types.MODE_TELEHEALTH, count=50
        )
        with identity.acting_as(VISITOR):
            found = self.availability.ListNextSlots(request).start_minutes
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return [(epoch + timedelta(minutes=minute)).isoformat() for minute in found]

    def _book(self, provider: availability.Provider, start: str) -> booking.Booking:
        request = booking_rpc.CreateBookingRequest(
            username=provider.username,
            service="session",
            mode=types.MODE_TELEHEALTH,
            start_time=stamp(start),
            contact=booking.ContactDetails(
                name=NAME, email=f"{secrets.token_hex(4)}@client.example", timezone="Europe/Berlin"
            ),
        )
        with identity.acting_as(VISITOR):
            return self.booking.CreateBooking(request).booking

    def _hold(self, provider: availability.Provider, start: str, visitor: str) -> booking.Hold:
        request = CreateHoldRequest(
            username=provider.username,
            service="session",
            mode=types.MODE_TELEHEALTH,
            start_time=stamp(start),
            visitor_id=visitor,
        )
        with identity.acting_as(VISITOR):
            return self.booking.CreateHold(request).hold


def _page_tokens() -> list[str]:
    """Return page tokens of all lists by instant and id, from the first instant to the last."""
    return [
        Keyset(name, Entry.at, Entry.id).token(Entry(at=at.replace(tzinfo=UTC), id=ids.new()))
        for at in (datetime.min, datetime(2026, 11, 2), datetime.max)
        for name in ("bookings", "clients", "billables", "failed notices", "audit")
    ]


def stamp(text: str) -> Timestamp:
    """Return an instant as a protobuf timestamp."""
    made = Timestamp()
    made.FromDatetime(datetime.fromisoformat(text).astimezone(UTC))
    return made


@pytest.fixture(scope="module")
def ports(stack: Stack) -> Iterator[dict[str, Port]]:
    """The port of every service."""
    found = {service: Port(stack, service) for service in SERVICES}
    yield found
    for port in found.values():
        port.channel.close()


@pytest.fixture(scope="module")
def shared_ground(stack: Stack) -> Ground:
    """For tests that change nothing."""
    return Ground.make(stack)


def admitted(port: Port, rpc: Rpc, ground: Ground) -> list[str]:
    """Return the callers whose message the RPC reads."""
    return [
        name
        for name, caller in ground.callers.items()
        if port.call(rpc, caller, NO_MESSAGE).code not in REFUSED
    ]


def judge(rpc: Rpc, answer: Answer, others: Collection[StatusCode] = ()) -> None:
    """Fail unless the outcome is one that a caller can handle."""
    if answer.code == StatusCode.OK:
        rpc.response.FromString(answer.payload)
    elif answer.code not in others:
        assert answer.code in FAILURES, answer
        assert re.fullmatch("[A-Z][A-Z0-9_]+", answer.reason), answer
        assert answer.message, answer
    told = answer.message + answer.details
    assert not any(words in told for words in (NAME, EMAIL, PHONE, NOTE)), answer


def hypothesis(examples: int, seeded: bool = True) -> settings:
    return settings(
        max_examples=examples,
        derandomize=seeded,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.req("GW-2", "PF-13", "GW-13")
@pytest.mark.parametrize("rpc", RPCS, ids=str)
def test_whatever_is_sent_is_answered_with_a_reason(
    stack: Stack, ports: dict[str, Port], rpc: Rpc
) -> None:
    port = ports[rpc.service]
    port.complaints()  # about what other tests did

    def fuzz(examples: int, seeded: bool) -> None:
        ground = Ground.make(stack)
        let_in = admitted(port, rpc, ground)
        owners = ["owner"] * 10 * ("owner" in let_in)
        callers = st.sampled_from([*owners, *let_in * 2, *ground.callers])

        @hypothesis(examples, seeded)
        @given(callers, payloads(rpc.request, ground.pool))
        def send(caller: str, payload: bytes) -> None:
            note(f"{caller}: {payload!r}")
            judge(rpc, port.call(rpc, ground.callers[caller], payload))

        send()

    fuzz(EXAMPLES, seeded=True)
    end = time.monotonic() + SECONDS / len(RPCS)
    while time.monotonic() < end:
        fuzz(100, seeded=False)
    assert port.complaints() == []
    assert port.is_alive()


@pytest.mark.req("GW-2")
@pytest.mark.parametrize("rpc", RPCS, ids=str)
def test_bytes_that_are_no_message_are_the_callers_fault(
    ports: dict[str, Port], shared_ground: Ground, rpc: Rpc
) -> None:
    port = ports[rpc.service]
    let_in = shared_ground.callers[admitted(port, rpc, shared_ground)[0]]
    assert port.call(rpc, let_in, NO_MESSAGE) == Answer(
        StatusCode.INVALID_ARGUMENT,
        message="The request can't be parsed.",
        reason="MALFORMED_MESSAGE",
        details="{}",
    )
    # Nobody learns what is wrong with a message before they have said who they are.
    nobody = port.call(rpc, VISITOR, NO_MESSAGE, metadata=((identity.METADATA, "x"),))
    assert (nobody.code, nobody.reason) == (StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert port.complaints() == []


@pytest.mark.req("PF-13")
def test_a_deadline_may_pass_at_any_moment(ports: dict[str, Port], stack: Stack) -> None:
    ground = Ground.make(stack)
    late = {StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE}
    for rpc in RPCS:
        port = ports[rpc.service]
        callers = st.sampled_from(admitted(port, rpc, ground))
        seconds = st.sampled_from([-1, 0.0001, 0.001, 0.002, 0.004, 0.008, 0.016])

        @hypothesis(8)
        @given(callers, payloads(rpc.request, ground.pool), seconds)
        def send(caller: str, payload: bytes, timeout: float) -> None:
            answer = port.call(rpc, ground.callers[caller], payload, timeout)  # noqa: B023  # called before the next round
            judge(rpc, answer, late)  # noqa: B023  # called before the next round

        send()
    for port in ports.values():
        assert port.complaints() == []
        assert port.is_alive()


@pytest.mark.req("GW-13", "PF-13")
@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ([("traceparent", "garbage")], StatusCode.OK),
        ([("traceparent", f"00-{'0' * 32}-{'0' * 16}-01"), ("baggage", ",=;%ff")], StatusCode.OK),
        ([("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "=,")], StatusCode.OK),
        ([("x-data-bin", b"\0\xff")], StatusCode.OK),
        ([(f"x-{n}", "y") for n in range(100)], StatusCode.OK),
        ([(identity.METADATA, "the second of two")], StatusCode.UNAUTHENTICATED),
        ([("x", "y" * 20_000)], StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["trace", "no trace", "state", "binary", "many", "two identities", "huge"],
)
def test_strange_metadata_breaks_nothing(
    ports: dict[str, Port],
    shared_ground: Ground,
    metadata: list[tuple[str, str | bytes]],
    code: StatusCode,
) -> None:
    port, rpc, sound = harmless(ports, shared_ground)
    signed = (identity.METADATA, port.signer.sign(VISITOR))
    assert port.call(rpc, VISITOR, sound, metadata=(signed, *metadata)).code == code
    assert port.call(rpc, VISITOR, sound).code == StatusCode.OK
    assert port.complaints() == []


@pytest.mark.req("PF-13")
def test_messages_are_of_limited_size_also_once_unpacked(
    ports: dict[str, Port], shared_ground: Ground
) -> None:
    port, rpc, sound = harmless(ports, shared_ground)
    too_large = bytes(1024 * 1024 + 1)
    assert port.call(rpc, VISITOR, too_large).code == StatusCode.RESOURCE_EXHAUSTED
    bomb = bytes(48 * 1024 * 1024)  # 47 KB on the wire
    packed = port.call(rpc, VISITOR, bomb, compression=grpc.Compression.Gzip)
    assert packed.code == StatusCode.RESOURCE_EXHAUSTED
    assert port.call(rpc, VISITOR, sound).code == StatusCode.OK


def harmless(ports: dict[str, Port], ground: Ground) -> tuple[Port, Rpc, bytes]:
    """Return a call that succeeds for everybody."""
    rpc = next(rpc for rpc in RPCS if str(rpc) == "availability/GetProfile")
    request = GetProfileRequest(username=ground.pool["username"][0])
    return ports[rpc.service], rpc, request.SerializeToString()
