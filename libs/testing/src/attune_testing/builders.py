"""Builders: a function for each resource, which calls the real RPCs as the operator.

Every field has a sensible default; `**fields` overrides any field of the message.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.hours_service_pb2 import (
    GetWeeklyHoursRequest,
    ReplaceWeeklyHoursRequest,
)
from attune.availability.v1.physical_room_service_pb2 import CreatePhysicalRoomRequest
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.service_type_service_pb2 import CreateServiceTypeRequest
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE, MODE_TELEHEALTH, Money
from attune_operator.environment import Environment
from attune_testing.stubs import AvailabilityStub
from common.clock import SystemClock
from common.rpc import identity, request_context
from common.rpc.identity import Identity
from common.services import GATEWAY, OPERATOR
from gateway.identity import accounts

ZONE = "America/New_York"
PASSWORD = "correct horse battery staple"  # noqa: S105  # of all accounts that tests create


def operator(practice_id: str = "") -> Identity:
    """Return the identity of the operators' command, acting for a practice."""
    return Identity(f"service:{OPERATOR}", practice_id)


def unique(prefix: str) -> str:
    """Return a name that no other test uses: `p-1f0a…`."""
    return f"{prefix}-{secrets.token_hex(5)}"


def practice(stub: AvailabilityStub, **fields: Any) -> pb.Practice:
    """Create a practice in New York."""
    defaults = {"name": "Practice", "timezone": ZONE, "currency_code": "USD"}
    wanted = pb.Practice(**{**defaults, "address": "1 Test Street", **fields})
    with identity.acting_as(operator()):
        return stub.CreatePractice(CreatePracticeRequest(practice=wanted)).practice


def service_type(stub: AvailabilityStub, practice_id: str, **fields: Any) -> pb.ServiceType:
    """Create a service type `session`: 50 minutes, every mode, bookable online, 150 dollars."""
    defaults = {
        "slug": "session",
        "title": "Therapy session",
        "duration_minutes": 50,
        "modes": [MODE_TELEHEALTH, MODE_IN_PERSON, MODE_PHONE],
        "active": True,
        "online": True,
        "telehealth_enabled": True,
        "price": Money(minor_units=15000, currency_code="USD"),
    }
    wanted = pb.ServiceType(**{**defaults, **fields})
    with identity.acting_as(operator(practice_id)):
        request = CreateServiceTypeRequest(service_type=wanted)
        return stub.CreateServiceType(request).service_type


def provider(
    stub: AvailabilityStub,
    practice_id: str,
    *,
    blocks: Sequence[pb.WeeklyBlock] | None = None,
    **fields: Any,
) -> pb.Provider:
    """Create a provider who works every day from 9 to 17, or during `blocks`."""
    username = fields.pop("username", "") or unique("p")
    defaults = {
        "display_name": "Pat Provider",
        "timezone": ZONE,
        "email": f"{username}@practice.example",
    }
    wanted = pb.Provider(username=username, **{**defaults, **fields})
    with identity.acting_as(operator(practice_id)):
        made = stub.CreateProvider(CreateProviderRequest(provider=wanted)).provider
    hours(stub, practice_id, username, week() if blocks is None else blocks)
    return made


def week(
    days: Iterable[int] = range(7), start: str = "09:00", end: str = "17:00", **fields: Any
) -> list[pb.WeeklyBlock]:
    """Return the same block on several days of the week; 0 is Monday."""
    return [pb.WeeklyBlock(day=day, start=start, end=end, **fields) for day in days]


def hours(
    stub: AvailabilityStub, practice_id: str, username: str, blocks: Sequence[pb.WeeklyBlock]
) -> pb.WeeklyHours:
    """Replace the weekly hours of a provider."""
    with identity.acting_as(operator(practice_id)):
        known = stub.GetWeeklyHours(GetWeeklyHoursRequest(username=username)).hours
        wanted = pb.WeeklyHours(blocks=blocks, version=known.version)
        request = ReplaceWeeklyHoursRequest(username=username, hours=wanted)
        return stub.ReplaceWeeklyHours(request).hours


def physical_room(stub: AvailabilityStub, practice_id: str, name: str) -> pb.PhysicalRoom:
    """Create a physical room."""
    request = CreatePhysicalRoomRequest(physical_room=pb.PhysicalRoom(name=name))
    with identity.acting_as(operator(practice_id)):
        return stub.CreatePhysicalRoom(request).physical_room


def come(booking_database_url: str, booking_id: str) -> None:
    """Move the planned start of a booking to now, as if its time had come.

    Sessions take place at their time only, and what is bookable online starts hours from now.
    Neither the taken time nor what other services know is moved.
    """
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with psycopg.connect(booking_database_url) as database:
        database.execute("SELECT set_config('attune.practice', '*', true)")
        moved = database.execute(
            "UPDATE bookings SET end_at = %(now)s + (end_at - start_at), start_at = %(now)s"
            " WHERE id = %(id)s",
            {"now": now, "id": booking_id},
        )
        assert moved.rowcount == 1


def account(
    environment: Environment,
    practice_id: str,
    *roles: str,
    provider_id: str = "",
    email: str = "",
    password: str = PASSWORD,
) -> str:
    """Create a staff account, and return its email."""
    email = email or f"{unique('staff')}@practice.example"
    with (
        environment.database(GATEWAY) as database,
        identity.acting_as(operator()),
        request_context.of(request_context.new_request()),
    ):
        accounts.create(
            database,
            SystemClock(),
            practice_id=UUID(practice_id),
            email=email,
            password=password,
            roles=roles,
            provider_id=UUID(provider_id) if provider_id else None,
        )
    return email
