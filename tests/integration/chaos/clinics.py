"""The practices of one round: one that confirms at once, one that approves, and one whose two
providers share a room."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from attune_local.stack import Stack
from attune_testing import builders
from attune_testing.stubs import AvailabilityStub
from tests.faults import FaultyStack
from tests.integration.chaos.clients import Clinic
from tests.integration.chaos.quiet import query
from tests.world import World

_LENGTH = timedelta(minutes=50)
_HOLD_MINUTES = 1
_DAYS = range(3, 17)  # from now on: beyond what notice, late cancellation or the clock can touch


def make(stack: FaultyStack, shift: float) -> list[Clinic]:
    """Create the practices of a round.

    `shift` is the number of seconds by which the services' clocks are ahead.
    """
    instant = World.make(stack, hold_minutes=_HOLD_MINUTES)
    approving = World.make(stack, hold_minutes=_HOLD_MINUTES, confirmation="CONFIRMATION_APPROVAL")
    shared = World.make(stack, hold_minutes=_HOLD_MINUTES)
    colleague, room = _share_a_room(shared)
    return [
        _clinic(instant, 0, shift),
        _clinic(approving, 0, shift, approves=True),
        _clinic(shared, room, shift),
        _clinic(colleague, room, shift),
    ]


def one(stack: Stack) -> Clinic:
    """Create a practice that confirms at once."""
    return _clinic(World.make(stack, hold_minutes=_HOLD_MINUTES), 0, 0)


def _share_a_room(world: World) -> tuple[World, int]:
    """Add a second provider and a room that both providers use; return the provider's world and the
    room's number."""
    with world.stack.operator_channel("availability") as channel:
        stub, practice_id = AvailabilityStub(channel), world.practice_id
        room = builders.physical_room(stub, practice_id, "Blue room")
        blocks = builders.week(room_id=room.room_id)
        builders.hours(stub, practice_id, world.username, blocks)
        provider = builders.provider(
            stub, practice_id, username=f"{world.username}-2", blocks=blocks
        )
    colleague = replace(world, provider_id=provider.provider_id, username=provider.username)
    return colleague, _number(world, "physical_rooms", room.room_id)


def _clinic(world: World, room_number: int, shift: float, *, approves: bool = False) -> Clinic:
    today = (datetime.now(UTC) + timedelta(seconds=shift)).date()
    first, last = (today + timedelta(days=days) for days in (_DAYS[0], _DAYS[-1]))
    return Clinic(
        world=world,
        username=world.username,
        provider_number=_number(world, "providers", world.provider_id),
        room_number=room_number,
        slots=world.slots(**{"from": first.isoformat(), "to": last.isoformat()}),
        length=_LENGTH,
        approves=approves,
    )


def _number(world: World, table: str, key: str) -> int:
    statement = f"SELECT number FROM {table} WHERE id = %s"  # noqa: S608  # our names
    [row] = query(world.stack, "availability", statement, key)
    return int(row["number"])
