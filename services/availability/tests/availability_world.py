"""The world of the tests of availability: availability and booking on real ports, replicas, and
practices of each test's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import select

from attune.availability.v1 import availability_pb2 as av
from attune.availability.v1.hours_service_pb2 import (
    CreateOverrideRequest,
    CreateOverrideResponse,
    GetWeeklyHoursRequest,
    ReplaceWeeklyHoursRequest,
    ReplaceWeeklyHoursResponse,
)
from attune.availability.v1.physical_room_service_pb2 import CreatePhysicalRoomRequest
from attune.availability.v1.policy_service_pb2 import GetPoliciesRequest, ReplacePoliciesRequest
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.service_type_service_pb2 import CreateServiceTypeRequest
from attune.availability.v1.slot_service_pb2 import (
    CheckSlotRequest,
    CheckSlotResponse,
    SearchSlotsRequest,
    SearchSlotsResponse,
)
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as booking_rpc
from attune.booking.v1.hold_service_pb2 import CreateHoldRequest
from attune.common.v1.types_pb2 import (
    MODE_IN_PERSON,
    MODE_PHONE,
    MODE_TELEHEALTH,
    ClientStatus,
    Mode,
    Money,
)
from attune_testing.clock import TestClock, utc
from attune_testing.identities import signer, staff
from attune_testing.serving import serve
from attune_testing.stubs import AvailabilityStub, BookingStub
from attune_testing.waiting import until
from availability.adapters.booking import Occupancy
from availability.search.cache import Cache
from availability.servicer import servicers
from availability.store import tables as rows
from availability.store.tables import Taken, TakenRevision
from common import ids
from common.db.database import EVERY_PRACTICE, Database
from common.messaging.nats import Bus
from common.rpc import channels
from common.rpc.identity import VISITOR, Identity, acting_as

NOW = utc("2026-11-01 08:00")
"""A Sunday."""
MONDAY = utc("2026-11-02 05:00")
"""Midnight in New York; a session at nine is 9 hours later."""
HOUR = timedelta(hours=1)
NINE = MONDAY + 9 * HOUR
DAY = timedelta(days=1)
OPERATOR = Identity("service:operator")
BOOKING = Identity("service:booking")
ALL_MODES = [MODE_TELEHEALTH, MODE_IN_PERSON, MODE_PHONE]


@dataclass(frozen=True)
class Replica:
    """One process of availability: its cache, and calls that it alone answers."""

    cache: Cache
    rpc: AvailabilityStub


@dataclass(frozen=True)
class World:
    """Availability and booking, each on a real port, connected by gRPC and NATS."""

    database: Database
    booking_database: Database
    clock: TestClock
    bus: Bus
    first: Replica
    booking: BookingStub
    booking_address: str

    @property
    def rpc(self) -> AvailabilityStub:
        """The calls to the first replica."""
        return self.first.rpc

    @contextmanager
    def replica(
        self, bus: Bus | None = None, *, booking: str = "", most: int = 100
    ) -> Iterator[Replica]:
        """Run one more replica, which follows the events of a bus or none, and asks booking at an
        address."""
        target = booking or self.booking_address
        with channels.channel(f"ipv4:{target}", signer("availability"), timeout=1) as channel:
            cache = Cache(self.database, Occupancy(channel), self.clock, most)
            if bus:
                cache.follow(bus)
            with served(self.database, cache, self.clock) as stub:
                if bus:
                    until(lambda: following(cache).age < 1)
                yield Replica(cache, stub)

    def projected(self, number: int) -> int:
        """Return the revision that the projection of a resource has reached."""
        with self.database.transaction(EVERY_PRACTICE) as session:
            of_resource = TakenRevision.resource_number == number
            return session.scalar(select(TakenRevision.revision).where(of_resource)) or 0

    def projection(self, number: int) -> set[str]:
        """Return the refs that take a resource by the projection."""
        with self.database.transaction(EVERY_PRACTICE) as session:
            return set(session.scalars(select(Taken.ref).where(Taken.resource_number == number)))


@contextmanager
def served(database: Database, cache: Cache, clock: TestClock) -> Iterator[AvailabilityStub]:
    """Serve availability on a port of its own; yield the calls to it."""
    with (
        serve(servicers(database, cache, clock), 32) as running,
        running.channel() as channel,
    ):
        yield AvailabilityStub(channel)


@dataclass
class Practice:
    """A practice of the test's own."""

    world: World
    policies: av.Policies = field(default_factory=av.Policies)
    timezone: str = "America/New_York"

    def __post_init__(self) -> None:
        with acting_as(OPERATOR):
            made = self.rpc.CreatePractice(
                CreatePracticeRequest(
                    practice=av.Practice(
                        name="Elm Street",
                        timezone=self.timezone,
                        currency_code="USD",
                        address="1 Elm Street",
                        policies=self.policies,
                    )
                )
            )
        self.id = made.practice.practice_id
        self.owner = staff(self.id)

    @property
    def rpc(self) -> AvailabilityStub:
        return self.world.rpc

    def provider(self, *blocks: av.WeeklyBlock, timezone: str = "", **more: Any) -> "Provider":
        """Create a provider with these hours; without any, from 9 to 12 on every day."""
        username = f"p-{ids.new().hex[:12]}"
        with acting_as(self.owner):
            made = self.rpc.CreateProvider(
                CreateProviderRequest(
                    provider=av.Provider(
                        username=username,
                        display_name="Ada",
                        timezone=timezone or self.timezone,
                        **more,
                    )
                )
            ).provider
        provider = Provider(self, username, made.provider_id)
        provider.set_week(*(blocks or every_day("09:00", "12:00")))
        return provider

    def service(self, slug: str = "therapy", **more: Any) -> av.ServiceType:
        """Create a service type: an hour, on the hour, in every mode by default."""
        with acting_as(self.owner):
            return self.rpc.CreateServiceType(
                CreateServiceTypeRequest(service_type=service_type(slug, **more))
            ).service_type

    def room(self, name: str = "Blue room", address: str = "") -> str:
        with acting_as(self.owner):
            made = self.rpc.CreatePhysicalRoom(
                CreatePhysicalRoomRequest(physical_room=av.PhysicalRoom(name=name, address=address))
            )
        return made.physical_room.room_id

    def set_policies(self, **policies: Any) -> None:
        """Replace the practice's policies; those not named get the product's defaults."""
        with acting_as(self.owner):
            version = self.rpc.GetPolicies(GetPoliciesRequest()).version
            self.rpc.ReplacePolicies(
                ReplacePoliciesRequest(policies=av.Policies(**policies), version=version)
            )


@dataclass(frozen=True)
class Provider:
    """A provider of a test's own practice."""

    practice: Practice
    username: str
    id: str

    @property
    def world(self) -> World:
        return self.practice.world

    @property
    def number(self) -> int:
        """The provider's resource number."""
        with self.world.database.transaction(self.practice.id) as session:
            return session.scalars(select(rows.Provider.number).filter_by(id=UUID(self.id))).one()

    @property
    def clinician(self) -> Identity:
        return staff(self.practice.id, "clinician", provider_id=self.id)

    def set_week(self, *blocks: av.WeeklyBlock) -> ReplaceWeeklyHoursResponse:
        """Replace the week."""
        with acting_as(self.practice.owner):
            request = GetWeeklyHoursRequest(username=self.username)
            version = self.practice.rpc.GetWeeklyHours(request).hours.version
            return self.practice.rpc.ReplaceWeeklyHours(
                ReplaceWeeklyHoursRequest(
                    username=self.username, hours=av.WeeklyHours(blocks=blocks, version=version)
                )
            )

    def set_date(self, date: str, *blocks: av.WeeklyBlock) -> CreateOverrideResponse:
        """Give one date other hours."""
        with acting_as(self.practice.owner):
            return self.practice.rpc.CreateOverride(
                CreateOverrideRequest(
                    username=self.username, override=av.Override(date=date, blocks=blocks)
                )
            )

    def search(
        self,
        first: datetime = MONDAY,
        end: datetime = MONDAY + DAY,
        *,
        mode: Mode.ValueType = MODE_TELEHEALTH,
        service: str = "therapy",
        status: ClientStatus.ValueType = ClientStatus.CLIENT_STATUS_UNSPECIFIED,
        revision: str = "",
        on: Replica | None = None,
    ) -> SearchSlotsResponse:
        with acting_as(VISITOR):
            return (on or self.world.first).rpc.SearchSlots(
                SearchSlotsRequest(
                    username=self.username,
                    service=service,
                    mode=mode,
                    first_minute=minute(first),
                    end_minute=minute(end),
                    client_status=status,
                    revision=revision,
                )
            )

    def free(self, first: datetime = MONDAY, end: datetime = MONDAY + DAY, **how: Any) -> list[str]:
        """Return the starts that a search finds, as `02 14:00` in UTC."""
        return written(self.search(first, end, **how).start_minutes)

    def hours(self, **how: Any) -> list[int]:
        """Return the hours of MONDAY in New York at which a search finds starts."""
        return [(m - minute(MONDAY)) // 60 for m in self.search(**how).start_minutes]

    def check(
        self,
        start: datetime = NINE,
        mode: Mode.ValueType = MODE_TELEHEALTH,
        service: str = "therapy",
        status: ClientStatus.ValueType = ClientStatus.CLIENT_STATUS_UNSPECIFIED,
    ) -> CheckSlotResponse:
        with acting_as(BOOKING):
            return self.practice.rpc.CheckSlot(
                CheckSlotRequest(
                    username=self.username,
                    service=service,
                    mode=mode,
                    start_time=stamp(start),
                    client_status=status,
                )
            )

    def book(
        self, start: datetime = NINE, mode: Mode.ValueType = MODE_TELEHEALTH, hold: Any = None
    ) -> booking_pb2.Booking:
        """Book as a visitor of the public page does."""
        with acting_as(VISITOR):
            return self.world.booking.CreateBooking(
                booking_rpc.CreateBookingRequest(
                    username=self.username,
                    service="therapy",
                    mode=mode,
                    start_time=stamp(start),
                    contact=booking_pb2.ContactDetails(
                        name="Mara Quill",
                        email=f"{ids.new().hex[:12]}@clinic.example",
                        timezone="Europe/Berlin",
                    ),
                    hold_id=hold.hold_id if hold else "",
                    visitor_id="visitor" if hold else "",
                )
            ).booking

    def hold(self, start: datetime = NINE) -> booking_pb2.Hold:
        with acting_as(VISITOR):
            return self.world.booking.CreateHold(
                CreateHoldRequest(
                    username=self.username,
                    service="therapy",
                    mode=MODE_TELEHEALTH,
                    start_time=stamp(start),
                    visitor_id="visitor",
                )
            ).hold

    def cancel(self, booking_id: str) -> booking_pb2.Booking:
        with acting_as(self.practice.owner):
            return self.world.booking.CancelBooking(
                booking_rpc.CancelBookingRequest(
                    booking_id=booking_id,
                    reason=booking_pb2.CANCELLATION_REASON_PROVIDER_UNAVAILABLE,
                )
            ).booking


def block(day: int, start: str, end: str, **more: Any) -> av.WeeklyBlock:
    return av.WeeklyBlock(day=day, start=start, end=end, **more)


def every_day(start: str, end: str, **more: Any) -> list[av.WeeklyBlock]:
    return [block(day, start, end, **more) for day in range(7)]


def service_type(slug: str = "therapy", **more: Any) -> av.ServiceType:
    """Return a service type: an hour, on the hour, in every mode."""
    usual: dict[str, Any] = {
        "title": "Therapy session",
        "duration_minutes": 60,
        "step_minutes": 60,
        "modes": ALL_MODES,
        "active": True,
        "online": True,
        "telehealth_enabled": True,
        "price": Money(minor_units=15000, currency_code="USD"),
    }
    return av.ServiceType(slug=slug, **{**usual, **more})


def minute(instant: datetime) -> int:
    return int(instant.timestamp()) // 60


def stamp(instant: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def written(minutes: Sequence[int]) -> list[str]:
    """Return the minutes as `02 14:00`: the day of the month and the time in UTC."""
    return [f"{datetime.fromtimestamp(m * 60, NOW.tzinfo):%d %H:%M}" for m in minutes]


def following(cache: Cache) -> Any:
    """Return a cache's place in the stream."""
    return cache._consumer
