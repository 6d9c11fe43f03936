"""Every RPC of every service for every kind of caller, called at the services' own ports: the
owning service refuses what the gateway forgets to refuse (spec GW-13)."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

import attune
from attune.availability.v1 import provider_service_pb2 as availability
from attune.booking.v1 import booking_service_pb2 as bookings
from attune.booking.v1.client_service_pb2 import GetClientRequest, ListClientsRequest
from attune.notifications.v1.development_mailbox_service_pb2 import ListDevelopmentMessagesRequest
from attune.telehealth_rooms.v1 import room_service_pb2 as rooms
from attune_local.stack import Stack
from attune_testing import identities
from attune_testing.stubs import AvailabilityStub, BookingStub, TelehealthRoomsStub
from common import ids
from common.errors import NotFound
from common.rpc import channels as rpc_channels
from common.rpc.identity import METADATA, VISITOR, Identity, Signer, acting_as
from common.services import GATEWAY, OPERATOR, SERVICES
from tests.world import World

pytestmark = pytest.mark.req("GW-13", "CL-3")

# Who may call: `yes`, or `-` for a refusal. In the last column the services that may.
TABLE = """
attune.availability.v1.SlotService           visitor client clinician supervisor manager owner
  SearchSlots                                yes     yes    yes       yes        yes     yes   all
  ListNextSlots                              yes     yes    yes       yes        yes     yes   all
  ListNearestSlots                           yes     yes    yes       yes        yes     yes   all
  CheckSlot                                  -       -      -         -          -       -     booking
attune.availability.v1.ProviderService
  GetProfile                                 yes     yes    yes       yes        yes     yes   all
  GetProvider                                -       -      yes       yes        yes     yes   all
  ListProviders                              -       -      yes       yes        yes     yes   all
attune.availability.v1.PracticeService
  CreatePractice                             -       -      -         -          -       -     operator
  GetPractice                                -       -      yes       yes        yes     yes   operator
  UpdatePractice                             -       -      -         -          yes     yes   operator
attune.availability.v1.ProviderService
  CreateProvider                             -       -      -         -          yes     yes   operator
attune.availability.v1.HoursService
  GetWeeklyHours                             -       -      yes       yes        yes     yes   operator
  ReplaceWeeklyHours                         -       -      yes       -          yes     yes   operator
  ListOverrides                              -       -      yes       yes        yes     yes   operator
  CreateOverride                             -       -      yes       -          yes     yes   operator
  DeleteOverride                             -       -      yes       -          yes     yes   operator
attune.availability.v1.PhysicalRoomService
  ListPhysicalRooms                          -       -      yes       yes        yes     yes   operator
  CreatePhysicalRoom                         -       -      -         -          yes     yes   operator
attune.availability.v1.ServiceTypeService
  ListServiceTypes                           -       -      yes       yes        yes     yes   operator
  CreateServiceType                          -       -      -         -          yes     yes   operator
  UpdateServiceType                          -       -      -         -          yes     yes   operator
  DeleteServiceType                          -       -      -         -          yes     yes   operator
attune.availability.v1.PolicyService
  GetPolicies                                -       -      yes       yes        yes     yes   operator
  ReplacePolicies                            -       -      yes       -          yes     yes   operator
attune.booking.v1.HoldService
  CreateHold                                 yes     yes    yes       yes        yes     yes   all
  ReleaseHold                                yes     yes    yes       yes        yes     yes   all
attune.booking.v1.BookingService
  CreateBooking                              yes     yes    yes       yes        yes     yes   all
  GetBooking                                 -       yes    yes       yes        yes     yes   all
  ListBookings                               -       yes    yes       yes        yes     yes   all
  ResolveManageToken                         yes     -      -         -          -       -     gateway
  UpdateClientFromBooking                    -       -      -         -          yes     yes   -
attune.booking.v1.OccupancyService
  ListTakenTime                              -       -      -         -          -       -     all
attune.booking.v1.BookingFactService
  ListBookingFacts                           -       -      -         -          -       -     all
attune.booking.v1.BookingService
  ConfirmBooking                             -       -      yes       yes        yes     yes   -
  DeclineBooking                             -       -      yes       yes        yes     yes   -
  CancelBooking                              -       yes    yes       yes        yes     yes   -
  DeclineCancellation                        -       -      yes       yes        yes     yes   -
  StartBooking                               -       -      yes       yes        yes     yes   -
  CompleteBooking                            -       -      yes       yes        yes     yes   -
  ReopenSession                              -       -      yes       yes        yes     yes   -
attune.booking.v1.ClientService
  ListClients                                -       -      yes       yes        yes     yes   all
  GetClient                                  -       yes    yes       yes        yes     yes   all
  UpdateClient                               -       -      -         -          yes     yes   -
attune.telehealth_rooms.v1.RoomService
  GetRoom                                    -       yes    yes       -          yes     yes   all
  ResolveLink                                yes     yes    yes       yes        yes     yes   all
  ReplaceLink                                -       -      yes       -          yes     yes   -
attune.billing.v1.BillableService
  ListBillables                              -       -      yes       -          yes     yes   -
attune.calendar_sync.v1.FeedService
  GetFeed                                    -       -      yes       -          yes     yes   -
  RotateFeed                                 -       -      yes       -          yes     yes   -
  ReadFeed                                   yes     yes    yes       yes        yes     yes   all
attune.notifications.v1.DevelopmentMailboxService
  ListDevelopmentMessages                    yes     yes    yes       yes        yes     yes   all
attune.notifications.v1.NoticeService
  ListBookingNotices                         -       -      yes       yes        yes     yes   -
  ListFailedNotices                          -       -      -         -          yes     yes   -
  ResendNotice                               -       -      -         -          yes     yes   -
attune.audit.v1.AuditService
  ListEntries                                -       -      -         -          -       yes   -
"""  # noqa: E501  # a table

ISSUERS = (*SERVICES, GATEWAY, OPERATOR)
_PEOPLE = ("visitor", "client", "clinician", "supervisor", "manager", "owner")
_MAILBOX = "/attune.notifications.v1.DevelopmentMailboxService/ListDevelopmentMessages"
_MESSAGES = {_MAILBOX: ListDevelopmentMessagesRequest(to="nobody").SerializeToString()}
_EVERYWHERE = "audit"  # served by every service, of its own database


def _parsed() -> Iterator[tuple[str, frozenset[str]]]:
    service = ""
    for line in filter(None, TABLE.splitlines()):
        name, *cells = line.split()
        if not line.startswith(" "):
            service = name
            continue
        *people, allowed = cells
        named = {"all": ISSUERS, "-": ()}.get(allowed, (allowed,))
        who = {w for w, cell in zip(_PEOPLE, people, strict=True) if cell == "yes"}
        yield f"/{service}/{name}", frozenset(who) | {f"service:{name}" for name in named}


ROWS = dict(_parsed())


def served() -> set[str]:
    """Return every RPC that the contracts declare."""
    found = set()
    folder = Path(next(iter(attune.__path__)))
    for path in folder.rglob("*_pb2.py"):
        module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        descriptor: Any = importlib.import_module(module).DESCRIPTOR
        for service in descriptor.services_by_name.values():
            found |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    return found


def callers(practice: str) -> Mapping[str, tuple[str, Identity]]:
    """Return issuer and identity of each kind of caller."""
    staff = {
        role: identities.staff(practice, role, provider_id=ids.new())
        for role in ("clinician", "supervisor", "manager", "owner")
    }
    people = {"visitor": VISITOR, "client": identities.client(practice, ids.new()), **staff}
    return {name: (GATEWAY, who) for name, who in people.items()} | {
        f"service:{name}": (name, identities.service(name, practice)) for name in ISSUERS
    }


@pytest.fixture(scope="module")
def channels(stack: Stack) -> Iterator[Mapping[str, grpc.Channel]]:
    """Bare channels to one process of each service."""
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(
                grpc.insecure_channel(
                    f"127.0.0.1:{stack.ports[name][0]}",
                    options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)],
                )
            )
            for name in SERVICES
        }


def called(channel: grpc.Channel, method: str, *metadata: tuple[str, str]) -> grpc.StatusCode:
    """Return the status of a call with an empty message, or with one that requests little."""
    call: Any = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
    try:
        call(_MESSAGES.get(method, b""), metadata=metadata, timeout=60)
    except grpc.RpcError as error:
        failed: Any = error
        code: grpc.StatusCode = failed.code()
        return code
    return grpc.StatusCode.OK


def targets(method: str, channels: Mapping[str, grpc.Channel]) -> list[grpc.Channel]:
    """Return the channels to the services that serve an RPC."""
    package = method.split(".")[1]
    if package == _EVERYWHERE:
        return list(channels.values())
    return [channels[package.replace("_", "-")]]


@pytest.mark.parametrize("method", ROWS)
def test_only_those_whom_the_table_names_may_call(
    stack: Stack, channels: Mapping[str, grpc.Channel], method: str
) -> None:
    """The practice does not exist, so a permitted caller finds nothing."""
    refused = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
    for channel in targets(method, channels):
        assert called(channel, method) == grpc.StatusCode.UNAUTHENTICATED, "without an identity"
        codes = {
            name: called(
                channel,
                method,
                (METADATA, Signer(issuer, stack.secrets.identity_keys[issuer][0]).sign(who)),
            )
            for name, (issuer, who) in callers(str(ids.new())).items()
        }
        assert {name for name, code in codes.items() if code not in refused} == ROWS[method]
        assert codes["visitor"] != grpc.StatusCode.PERMISSION_DENIED, "visitors may sign in"
        assert not {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN} & set(codes.values())


def test_no_rpc_is_without_a_row() -> None:
    assert set(ROWS) == served()


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return World.make(stack)


@pytest.fixture(scope="module")
def booking(world: World) -> Any:
    """A booking as the practice's owner sees it."""
    return world.owner.get(f"/bookings/{world.book()['id']}")


def test_whoever_is_of_no_or_another_practice_finds_nothing(
    stack: Stack, world: World, booking: Any
) -> None:
    """They find nothing even with the exact ids."""
    target, key = stack.target, stack.secrets.identity_keys
    booking_id, client_id = booking["id"], booking["client"]["id"]
    strangers = [
        (GATEWAY, identities.staff(ids.new(), "owner")),
        (GATEWAY, identities.staff(ids.new(), "clinician", provider_id=world.provider_id)),
        (GATEWAY, identities.staff(world.practice_id, "clinician", provider_id=ids.new())),
        (GATEWAY, identities.staff(world.practice_id, "supervisor")),
        (GATEWAY, identities.client(ids.new(), client_id, booking_id)),
        (GATEWAY, identities.client(world.practice_id, ids.new(), booking_id)),
        (GATEWAY, identities.client(world.practice_id, client_id, ids.new())),
        ("billing", identities.service("billing")),
        ("billing", identities.service("billing", ids.new())),
    ]
    for issuer, who in strangers:
        signer = Signer(issuer, key[issuer][0])
        with (
            acting_as(who),
            rpc_channels.channel(target("booking"), signer) as channel,
        ):
            stub = BookingStub(channel)
            with pytest.raises(NotFound):
                stub.GetBooking(bookings.GetBookingRequest(booking_id=booking_id))
            assert not stub.ListBookings(bookings.ListBookingsRequest()).bookings
            if who.kind != "client":
                assert not stub.ListClients(ListClientsRequest()).clients
            if not who.is_service:
                with pytest.raises(NotFound):
                    stub.CancelBooking(
                        bookings.CancelBookingRequest(booking_id=booking_id, reason=2)  # type: ignore[arg-type]  # a number of it
                    )
            with pytest.raises(NotFound):
                stub.GetClient(GetClientRequest(client_id=client_id))
    assert world.owner.get(f"/bookings/{booking_id}") == booking


def test_a_manage_link_shows_its_booking_and_nothing_else(
    stack: Stack, world: World, booking: Any
) -> None:
    again = {**booking["client"], "timezone": "Europe/Berlin"}
    contact = {name: again[name] for name in ("name", "email", "timezone")}
    second = world.book(client=contact)
    assert world.owner.get(f"/bookings/{second['id']}")["client"]["id"] == again["id"]
    holder = identities.client(world.practice_id, again["id"], booking["id"])
    signer = Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
    with acting_as(holder), rpc_channels.channel(stack.target("booking"), signer) as channel:
        stub = BookingStub(channel)
        listed = stub.ListBookings(bookings.ListBookingsRequest()).bookings
        assert [found.booking_id for found in listed] == [booking["id"]]
        with pytest.raises(NotFound):
            stub.GetBooking(bookings.GetBookingRequest(booking_id=second["id"]))
        with pytest.raises(NotFound):
            stub.GetClient(GetClientRequest(client_id=again["id"]))


def test_what_the_gateway_does_not_pass_on_is_refused_by_its_owner(
    stack: Stack, world: World, booking: Any
) -> None:
    signer = Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
    with (
        acting_as(identities.staff(ids.new(), "owner")),
        rpc_channels.channel(stack.target("availability"), signer) as to_availability,
        rpc_channels.channel(stack.target("telehealth-rooms"), signer) as to_rooms,
    ):
        wanted = availability.GetProviderRequest(provider_id=world.provider_id)
        with pytest.raises(NotFound):
            AvailabilityStub(to_availability).GetProvider(wanted)
        for side in (rooms.SIDE_CLIENT, rooms.SIDE_PROVIDER):
            with pytest.raises(NotFound):
                TelehealthRoomsStub(to_rooms).ReplaceLink(
                    rooms.ReplaceLinkRequest(booking_id=booking["id"], side=side)
                )
    room = world.owner.get(f"/bookings/{booking['id']}/room")
    page = world.public.session.get(room["join_url"], timeout=60)
    assert page.status_code == 200, "the links are as they were"
