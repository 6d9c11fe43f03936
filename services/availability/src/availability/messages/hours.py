"""Weekly hours and overrides."""

from collections.abc import Mapping, Sequence

from attune.availability.v1 import availability_pb2 as pb
from availability.domain.hours import WeeklyBlock, format_time, parse_time
from availability.domain.modes import ALL_MODES
from availability.messages.values import NUMBERS, mode
from availability.store import hours
from availability.store.tables import Override, PhysicalRoom, Provider
from common.errors import Invalid


class UnknownRoom(Invalid):
    """The practice has no physical room with this id."""


def parse_blocks(
    blocks: Sequence[pb.WeeklyBlock], rooms: Sequence[PhysicalRoom]
) -> list[WeeklyBlock]:
    """Return the blocks of a request; `rooms` are all physical rooms of the practice.

    Raises Invalid, naming the block by its position: `blocks[0].start`.
    """
    numbers = {str(row.id): row.number for row in rooms}
    return [_block(each, numbers, f"blocks[{at}]") for at, each in enumerate(blocks)]


def _block(block: pb.WeeklyBlock, rooms: Mapping[str, int], field: str) -> WeeklyBlock:
    if block.room_id and block.room_id not in rooms:
        raise UnknownRoom(field=f"{field}.room_id")
    modes = [mode(number, f"{field}.modes") for number in block.modes]
    return WeeklyBlock(
        start=parse_time(block.start, f"{field}.start"),
        end=parse_time(block.end, f"{field}.end"),
        online=block.online if block.HasField("online") else True,
        modes=frozenset(modes) or ALL_MODES,
        room=rooms[block.room_id] if block.room_id else None,
        day=block.day,
    )


def weekly_hours(row: Provider, rooms: Sequence[PhysicalRoom]) -> pb.WeeklyHours:
    """Return a provider's week; `rooms` are all physical rooms of the practice."""
    return pb.WeeklyHours(
        blocks=[_block_message(each, rooms) for each in hours.from_json(row.blocks)],
        version=row.hours_version,
    )


def override(row: Override, rooms: Sequence[PhysicalRoom]) -> pb.Override:
    """Return the hours of one date; `rooms` are all physical rooms of the practice."""
    return pb.Override(
        override_id=str(row.id),
        date=row.date.isoformat(),
        blocks=[_block_message(each, rooms) for each in hours.from_json(row.blocks)],
    )


def _block_message(block: WeeklyBlock, rooms: Sequence[PhysicalRoom]) -> pb.WeeklyBlock:
    return pb.WeeklyBlock(
        day=block.day,
        start=format_time(block.start),
        end=format_time(block.end),
        online=block.online,
        modes=[] if block.modes == ALL_MODES else sorted(NUMBERS[mode] for mode in block.modes),
        room_id=next((str(row.id) for row in rooms if row.number == block.room), ""),
    )
