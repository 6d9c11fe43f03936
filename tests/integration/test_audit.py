"""The audit trail of the whole system: the entries that every RPC, event, and job creates, and how
a practice's owner reads them (spec PF-8)."""

import importlib
import importlib.util
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import grpc
import psycopg
import pytest
from click.testing import CliRunner

from attune_local.stack import Stack
from attune_operator.main import main
from attune_operator.up import environment_of
from attune_testing import builders, identities
from attune_testing.waiting import until
from common.db import encryption
from common.rpc import identity, request_context
from common.rpc.identity import VISITOR, Identity, Signer
from common.services import GATEWAY, SERVICES, package
from tests.fuzzing import rpcs
from tests.integration.test_rpc_callers import served
from tests.world import World, token_of

pytestmark = pytest.mark.req("PF-8")
KNOWN = rpcs()

# What each RPC leaves in the audit of its service, or `-` and why it leaves nothing. `+` stands
# before what another service is asked for, as this one.
RPCS = """
attune.availability.v1.SlotService
  SearchSlots                 - free times
  ListNextSlots               - free times
  ListNearestSlots            - free times
  CheckSlot                   - rules and terms
attune.availability.v1.ProviderService
  GetProfile                  - public
  GetProvider                 provider.read
  ListProviders               provider.list
attune.availability.v1.PracticeService
  CreatePractice              practice.create
  GetPractice                 - how people reach the practice
  UpdatePractice              practice.change
attune.availability.v1.ProviderService
  CreateProvider              provider.create
attune.availability.v1.HoursService
  GetWeeklyHours              - when a provider works, which searches show
  ReplaceWeeklyHours          hours.replace
  ListOverrides               - when a provider works
  CreateOverride              override.create
  DeleteOverride              override.delete
attune.availability.v1.PhysicalRoomService
  ListPhysicalRooms           - places
  CreatePhysicalRoom          physical_room.create
attune.availability.v1.ServiceTypeService
  ListServiceTypes            - what can be booked
  CreateServiceType           service_type.create
  UpdateServiceType           service_type.change
  DeleteServiceType           service_type.delete
attune.availability.v1.PolicyService
  GetPolicies                 - the practice's rules
  ReplacePolicies             policies.replace
attune.booking.v1.HoldService
  CreateHold                  - a time, and an opaque id of a browser
  ReleaseHold                 - the same
attune.booking.v1.BookingService
  CreateBooking               booking.create
  GetBooking                  booking.read
  ListBookings                booking.list
  ResolveManageToken          manage_link.use
attune.booking.v1.OccupancyService
  ListTakenTime               - times and opaque ids
attune.booking.v1.BookingFactService
  ListBookingFacts            - ids, times and amounts
attune.booking.v1.BookingService
  ConfirmBooking              booking.confirm
  DeclineBooking              booking.decline
  CancelBooking               booking.cancel
  DeclineCancellation         booking.decline_cancellation
  StartBooking                booking.start
  CompleteBooking             booking.complete
  ReopenSession               booking.reopen
  UpdateClientFromBooking     booking.use_contact
attune.booking.v1.ClientService
  ListClients                 client.list
  GetClient                   client.read
  UpdateClient                client.change
attune.telehealth_rooms.v1.RoomService
  GetRoom                     room.read
  ResolveLink                 join_link.use
  ReplaceLink                 join_link.replace
attune.billing.v1.BillableService
  ListBillables               billable.list
attune.calendar_sync.v1.FeedService
  GetFeed                     feed.read + provider.read
  RotateFeed                  feed.rotate
  ReadFeed                    feed.export + booking.list
attune.notifications.v1.DevelopmentMailboxService
  ListDevelopmentMessages     - a developer's alone
attune.notifications.v1.NoticeService
  ListBookingNotices          notice.list
  ListFailedNotices           notice.list
  ResendNotice                notice.resend
attune.audit.v1.AuditService
  ListEntries                 audit.read
"""

# The same of events and due work.
HANDLED = """
availability       attune.booking.v1.TakenTimeChanged          - times and opaque ids
availability       due:fetch_taken                             - times and opaque ids
booking            attune.billing.v1.PaymentStatusChanged      booking.payment
booking            due:expire_hold                             - a time
booking            due:expire_request                          booking.expire
booking            due:audit_overlaps                          - ids, in the log
billing            attune.booking.v1.BookingCompleted          billable.create
billing            attune.booking.v1.SessionReopened           billable.void
telehealth-rooms   attune.booking.v1.BookingConfirmed          - whose links are read, is recorded
telehealth-rooms   attune.booking.v1.BookingCancelled          - closes a room
telehealth-rooms   attune.booking.v1.BookingDeclined           - closes a room
telehealth-rooms   attune.booking.v1.BookingExpired            - closes a room
notifications      attune.booking.v1.BookingRequested          - ids; what is sent, is recorded
notifications      attune.booking.v1.BookingConfirmed          - ids
notifications      attune.booking.v1.BookingDeclined           - ids
notifications      attune.booking.v1.BookingExpired            - ids
notifications      attune.booking.v1.BookingCancelled          - ids
notifications      attune.booking.v1.CancellationRequested     - ids
notifications      attune.booking.v1.CancellationDeclined      - ids
notifications      due:deliver                                 notice.send
"""


def parsed_rpcs() -> Iterator[tuple[str, list[str]]]:
    service = ""
    for line in filter(None, RPCS.splitlines()):
        if not line.startswith(" "):
            service = line
            continue
        name, words = line.strip().split(None, 1)
        yield f"/{service}/{name}", [] if words.startswith("-") else words.split(" + ")


def parsed_work() -> Iterator[tuple[tuple[str, str], list[str]]]:
    for line in filter(None, HANDLED.splitlines()):
        service, source, words = line.split(None, 2)
        yield (service, source), [] if words.startswith("-") else words.split()


ROWS = dict(parsed_rpcs())
WORK = dict(parsed_work())


def test_no_rpc_is_without_a_row() -> None:
    assert set(ROWS) == served()


def test_no_event_and_no_due_work_is_without_a_row() -> None:
    found = set[tuple[str, str]]()
    for service in SERVICES:
        if events := module_of(service, "events"):
            found |= {(service, event) for event in events.handlers.by_subject}
        if jobs := module_of(service, "jobs"):
            found |= {(service, f"due:{kind}") for kind in jobs.jobs.handlers}
    assert set(WORK) == found


def module_of(service: str, name: str) -> Any:
    """Return a service's module of that name, or None."""
    path = f"{package(service)}.{name}"
    return importlib.import_module(path) if importlib.util.find_spec(path) else None


BY_REQUEST = "SELECT subject, action, request FROM audit WHERE request = %s"
BY_PRACTICE = "SELECT subject, action, request FROM audit WHERE practice_id = %s"


def left(stack: Stack, query: LiteralString, value: str) -> list[tuple[str, str, str, str]]:
    """Return service, subject, action, and request of entries, read from the databases."""
    found = []
    for service in (*SERVICES, GATEWAY):
        with psycopg.connect(f"{stack.postgres_url}/{package(service)}") as database:
            found += [(service, *row) for row in database.execute(query, [value])]
    return found


@dataclass
class Scene:
    """A practice in which every RPC is called once, and the entries that each call creates."""

    world: World
    channels: dict[str, grpc.Channel]
    found: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        return self.world.stack

    def call(self, rpc: str, who: Identity, /, **fields: Any) -> Any:
        """Call an RPC such as `booking/GetBooking`, note the entries that it creates, and return
        the response."""
        [found] = [known for known in KNOWN if str(known) == rpc]
        service, path = found.service, found.path
        request_id = request_context.new_request()
        issuer = who.subject.partition(":")[2] if who.is_service else GATEWAY
        signer = Signer(issuer, self.stack.secrets.identity_keys[issuer][0])
        ask: Any = self.channels[service].unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=found.response.FromString,
        )
        answer = ask(
            found.request(**fields),
            metadata=(
                (identity.METADATA, signer.sign(who)),
                (request_context.METADATA, f"{request_id} 203.0.113.7"),
            ),
            timeout=60,
        )
        entries = left(self.stack, BY_REQUEST, request_id)
        self.found[path] = sorted(
            ("" if where == service else f"{subject} ") + action
            for where, subject, action, _ in entries
        )
        # Whoever uses a manage link is its booking's client.
        own = f"client:{answer.client_id}" if path.endswith("/ResolveManageToken") else who.subject
        assert {s for where, s, _, _ in entries if where == service} <= {own}, path
        return answer

    def book(self) -> Any:
        """Book the next free time."""
        return self.call(
            "booking/CreateBooking",
            VISITOR,
            username=self.world.username,
            service="session",
            mode=1,
            start_time=self.next_start(),
            contact={
                "name": "Ottilie Vandermeer",
                "email": f"{secrets.token_hex(4)}@client.example",
                "timezone": "Europe/Berlin",
            },
        ).booking

    def next_start(self) -> datetime:
        return datetime.fromisoformat(self.world.a_start())


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Iterator[Scene]:
    world = World.make(
        stack,
        confirmation="CONFIRMATION_APPROVAL",
        client_cancellation="CLIENT_CANCELLATION_APPROVAL",
        late_cancellation_minutes=0,
    )
    with ExitStack() as opened:
        channels = {
            name: opened.enter_context(grpc.insecure_channel(f"127.0.0.1:{stack.ports[name][0]}"))
            for name in SERVICES
        }
        made = Scene(world, channels)
        perform(made)
        yield made


def perform(scene: Scene) -> None:
    """Call every RPC successfully."""
    call, world = scene.call, scene.world
    owner = identities.staff(world.practice_id, "owner")
    operator = identities.service("operator")
    by_name = {"username": world.username}
    search = {**by_name, "service": "session", "mode": 1}
    minute = int(datetime.now(UTC).timestamp()) // 60
    call("availability/SearchSlots", VISITOR, **search, first_minute=minute, end_minute=minute + 9)
    call("availability/ListNextSlots", VISITOR, **search, count=1)
    start = scene.next_start()
    call("availability/ListNearestSlots", VISITOR, **search, start_time=start, count=1)
    booker = identities.service("booking")
    call("availability/CheckSlot", booker, **search, start_time=start, client_status=1)
    call("availability/GetProfile", VISITOR, **by_name)
    call("availability/GetProvider", owner, provider_id=world.provider_id)
    call("availability/ListProviders", owner)
    practice = {"name": "Elsewhere", "timezone": "UTC", "currency_code": "EUR"}
    call("availability/CreatePractice", operator, practice=practice)
    colleague = {
        "username": f"p-{secrets.token_hex(5)}",
        "display_name": "Col League",
        "timezone": "UTC",
        "email": "col@practice.example",
    }
    made = call("availability/CreateProvider", owner, provider=colleague).provider
    hours = call("availability/GetWeeklyHours", owner, username=made.username).hours
    call("availability/ReplaceWeeklyHours", owner, username=made.username, hours=hours)
    call("availability/ListOverrides", owner, username=made.username)
    day = {"date": (date.today() + timedelta(days=9)).isoformat()}
    override = call("availability/CreateOverride", owner, username=made.username, override=day)
    gone = {"username": made.username, "override_id": override.override.override_id}
    call("availability/DeleteOverride", owner, **gone)
    call("availability/GetPractice", owner)
    call("availability/UpdatePractice", owner, phone="+12125550100")
    call("availability/ListPhysicalRooms", owner)
    call("availability/CreatePhysicalRoom", owner, physical_room={"name": "Blue"})
    call("availability/ListServiceTypes", owner)
    kind = {"slug": "walk", "title": "A walk", "duration_minutes": 30, "modes": [2]}
    walk = call("availability/CreateServiceType", owner, service_type=kind).service_type
    walk.title = "A long walk"
    changed = call(
        "availability/UpdateServiceType", owner, service_type=walk, update_fields=["title"]
    ).service_type
    call("availability/DeleteServiceType", owner, service_type_id=changed.service_type_id)
    rules = call("availability/GetPolicies", owner, username=made.username)
    call("availability/ReplacePolicies", owner, username=made.username, version=rules.version)
    perform_bookings(scene, owner)


def perform_bookings(scene: Scene, owner: Identity) -> None:
    call, world = scene.call, scene.world
    visitor = {"visitor_id": "a browser of the audit"}
    search = {"username": world.username, "service": "session", "mode": 1}
    hold = call(
        "booking/CreateHold", VISITOR, **search, start_time=scene.next_start(), **visitor
    ).hold
    call("booking/ReleaseHold", VISITOR, hold_id=hold.hold_id, **visitor)
    declined, cancelled, held = (scene.book() for _ in range(3))
    client = identities.client(world.practice_id, held.client.client_id)
    itself = Identity("service:gateway")
    token = call("booking/ResolveManageToken", itself, manage_token=held.manage_token)
    assert token.booking_id == held.booking_id
    call("booking/DeclineBooking", owner, booking_id=declined.booking_id)
    call("booking/ConfirmBooking", owner, booking_id=cancelled.booking_id)
    call("booking/CancelBooking", owner, booking_id=cancelled.booking_id, reason=2)
    one = {"booking_id": held.booking_id}
    call("booking/ConfirmBooking", owner, **one)
    call("booking/CancelBooking", client, **one)
    call("booking/DeclineCancellation", owner, **one)
    perform_elsewhere(scene, owner, held.booking_id)
    builders.come(scene.stack.database_url("booking"), held.booking_id)
    call("booking/StartBooking", owner, **one)
    done = call("booking/CompleteBooking", owner, **one).booking
    until(lambda: list(call("billing/ListBillables", owner).billables), bool)
    call("booking/ReopenSession", owner, **one, version=done.version)
    call("booking/CompleteBooking", owner, **one)
    call("booking/GetBooking", client, **one)
    call("booking/UpdateClientFromBooking", owner, **one)
    call("booking/ListBookings", owner)
    service = identities.service("availability", world.practice_id)
    call("booking/ListTakenTime", service, resource_number=1)
    call("booking/ListBookingFacts", service)
    call("booking/ListClients", owner)
    call("booking/GetClient", owner, client_id=held.client.client_id)
    call("booking/UpdateClient", owner, client_id=held.client.client_id, billing_type=3)
    until(lambda: list(call("billing/ListBillables", owner).billables), bool)


def perform_elsewhere(scene: Scene, owner: Identity, booking_id: str) -> None:
    call, world = scene.call, scene.world
    one = {"booking_id": booking_id}
    until(lambda: all_told(scene, booking_id), bool)
    room = call("telehealth-rooms/GetRoom", owner, **one)
    call("telehealth-rooms/ResolveLink", VISITOR, token=room.provider_token)
    call("telehealth-rooms/ReplaceLink", owner, **one, side=1)
    provider = {"provider_id": world.provider_id}
    feed = call("calendar-sync/GetFeed", owner, **provider)
    call("calendar-sync/ReadFeed", VISITOR, token=feed.token)
    call("calendar-sync/RotateFeed", owner, **provider)
    call("notifications/ListDevelopmentMessages", VISITOR, to="nobody@client.example")
    with psycopg.connect(f"{world.stack.postgres_url}/notifications") as database:
        notice, *_ = database.execute(
            "UPDATE notices SET state = 'failed' WHERE booking_id = %s AND recipient = 'client'"
            " RETURNING id",
            [booking_id],
        ).fetchall()[-1]
    call("notifications/ListBookingNotices", owner, **one)
    call("notifications/ListFailedNotices", owner)
    call("notifications/ResendNotice", owner, notice_id=str(notice))
    for name in SERVICES:
        call(f"{name}/ListEntries", owner)


def all_told(scene: Scene, booking_id: str) -> bool:
    """Return whether the notices of a booking are sent; that of the refused cancellation is the
    last."""
    with psycopg.connect(f"{scene.stack.postgres_url}/notifications") as database:
        notices = database.execute(
            "SELECT kind, state FROM notices WHERE booking_id = %s", [booking_id]
        ).fetchall()
    told = {kind for kind, state in notices if state != "queued"}
    return "cancellation_declined" in told and ("queued" not in {state for _, state in notices})


def test_every_rpc_leaves_what_the_table_says(scene: Scene) -> None:
    asked_of_others = {
        "feed.read + provider.read": ["feed.read", "service:calendar-sync provider.read"],
        "feed.export + booking.list": ["feed.export", "service:calendar-sync booking.list"],
    }
    expected = {
        path: asked_of_others.get(" + ".join(actions), actions) for path, actions in ROWS.items()
    }
    assert scene.found == expected


def test_every_event_and_due_work_leaves_what_the_table_says(scene: Scene) -> None:
    """Expiry of requests is left out: it needs a clock that the service's own tests move."""
    expected = {
        (*source, action)
        for source, actions in WORK.items()
        for action in actions
        if action != "booking.expire"
    }

    def done() -> set[tuple[str, str, str]]:
        """Return the entries that services created by themselves, with the event or job that caused
        each."""
        return {
            (service, re.findall(r"due:\w+|[\w.]+", request)[0], action)
            for service, subject, action, request in left(
                scene.stack, BY_PRACTICE, scene.world.practice_id
            )
            if ":" in request and subject == f"service:{service}"
        }

    assert until(done, lambda found: found >= expected) == expected


def test_what_a_service_asks_others_for_its_work_is_on_record_there(scene: Scene) -> None:
    asked = {
        (service, action)
        for service, subject, action, request in left(
            scene.stack, BY_PRACTICE, scene.world.practice_id
        )
        if request.startswith("due:deliver:") and subject == "service:notifications"
    }
    assert asked == {
        ("booking", "booking.read"),
        ("availability", "provider.read"),
        ("telehealth-rooms", "room.read"),
        ("notifications", "notice.send"),
    }


def test_the_owner_reads_who_did_what_and_from_where(stack: Stack) -> None:
    world, other = World.make(stack), World.make(stack)
    path = f"/providers/{world.username}/bookings"
    request = world.request(world.a_start(), mode="in_person")
    made = world.public.call("POST", path, json=request)
    booking = made.json()["id"]
    client = world.owner.get(f"/bookings/{booking}")["client"]["id"]
    read = world.owner.call("GET", f"/clients/{client}")
    link = {"token": token_of(made.json()["manage_url"])}
    seen = world.public.call("GET", f"/bookings/{booking}", params=link)

    [owner] = {entry["subject"] for entry in entries(world, action="client.read")}
    assert owner.startswith("account:")
    both = (f"booking:{booking}", f"client:{client}")
    here = "127.0.0.1"
    assert told(world, made) == {("booking", "visitor", "booking.create", both, here)}
    assert told(world, read) == {("booking", owner, "client.read", both[1:], here)}
    assert told(world, seen) == {
        ("booking", f"client:{client}", "manage_link.use", both[:1], here),
        ("booking", f"client:{client}", "booking.read", both, here),
    }
    of_client = {(e["subject"], e["action"]) for e in entries(world, thing=both[1])}
    assert of_client >= {
        ("visitor", "booking.create"),
        (owner, "client.read"),
        (f"client:{client}", "booking.read"),
    }
    assert entries(other, thing=both[1]) == []
    own = {e["action"] for e in entries(world, service="gateway", subject=owner)}
    assert own == {"session.start", "audit.read"}


def told(world: World, answer: Any) -> set[tuple[str, str, str, tuple[str, ...], str]]:
    """Return the entries that a request created, found by the id in its response."""
    return {
        (e["service"], e["subject"], e["action"], tuple(e["things"]), e["address"])
        for e in entries(world, request=answer.headers["X-Request-Id"])
    }


def entries(world: World, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.owner.get("/audit", **wanted, limit=200)["entries"]
    return found


def test_pages_of_all_services_together_are_in_order_and_whole(stack: Stack) -> None:
    world = World.make(stack)
    for path in ("/clients", "/bookings", "/service-types", "/notices/failed") * 2:
        world.owner.get(path)
    whole = entries(world)
    assert {e["service"] for e in whole} == {"availability", "booking", "notifications", "gateway"}
    paged: list[dict[str, Any]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = world.owner.get("/audit", limit=3, **cursor)
        paged += page["entries"]
        cursor = {"cursor": page["next"]} if "next" in page else None
    read_meanwhile = paged[: -len(whole)]
    assert {e["action"] for e in read_meanwhile} == {"audit.read"}
    assert [e["id"] for e in paged[len(read_meanwhile) :]] == [e["id"] for e in whole]
    assert [e["time"] for e in paged] == sorted((e["time"] for e in paged), reverse=True)


def test_the_whole_trail_is_verified_by_one_command(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    monkeypatch.delenv("NATS_URL", raising=False)
    environment_of(scene.stack).save()
    before = encryption.ring()
    try:
        ran = CliRunner().invoke(main, ["audit", "verify"])
    finally:
        encryption.use(before)
    assert ran.exit_code == 0, ran.output
    assert [line.split()[0] for line in ran.output.splitlines()] == [*SERVICES, GATEWAY]
