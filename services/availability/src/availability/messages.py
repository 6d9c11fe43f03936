"""Between rows, messages and the domain."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.slot_service_pb2 import SearchSlotsResponse
from attune.common.v1 import types_pb2 as types
from availability.domain.hours import WeeklyBlock, format_time, parse_time
from availability.domain.modes import ALL_MODES, Mode
from availability.store.tables import Json, PhysicalRoom, Practice, Provider, ServiceType
from common.errors import Invalid

_MODES = {
    types.MODE_TELEHEALTH: Mode.TELEHEALTH,
    types.MODE_IN_PERSON: Mode.IN_PERSON,
    types.MODE_PHONE: Mode.PHONE,
}
_NUMBERS = {mode: number for number, mode in _MODES.items()}


class UnknownRoom(Invalid):
    """The practice has no such physical room."""


def mode(number: int, field: str = "mode") -> Mode:
    """The mode of that number; raises Invalid."""
    if number not in _MODES:
        raise Invalid("Choose a mode.", field=field, reason="INVALID_MODE")
    return _MODES[types.Mode.ValueType(number)]


def found(starts: memoryview, revision: str, duration: int) -> SearchSlotsResponse:
    """The answer to a search. The starts, unsigned integers of 32 bits, go in as they lie in
    memory, which is how they are sent: one by one, they would cost more than to find them."""
    packed = starts.tobytes() if sys.byteorder == "little" else _swapped(starts)
    answer = SearchSlotsResponse.FromString(_START_MINUTES + _varint(len(packed)) + packed)
    answer.revision = revision
    answer.duration_minutes = duration
    return answer


_START_MINUTES = bytes([SearchSlotsResponse.START_MINUTES_FIELD_NUMBER << 3 | 2])


def _swapped(starts: memoryview) -> bytes:
    return b"".join(start.to_bytes(4, "little") for start in starts)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def policies(stored: Json) -> pb.Policies:
    """Policies as they are stored."""
    return ParseDict(stored, pb.Policies())


def stored_policies(message: pb.Policies) -> Json:
    """Policies as they are to be stored."""
    return dict(MessageToDict(message, preserving_proto_field_name=True))


def practice(row: Practice, effective: pb.Policies) -> pb.Practice:
    """A practice; its policies are complete."""
    return pb.Practice(
        practice_id=str(row.practice_id),
        name=row.name,
        timezone=row.timezone,
        currency_code=row.currency_code,
        address=row.address,
        policies=effective,
        version=row.policies_version,
    )


def provider(row: Provider, effective: pb.Policies, *, email: bool) -> pb.Provider:
    """A provider, with the e-mail for those who may see it."""
    return pb.Provider(
        provider_id=str(row.id),
        practice_id=str(row.practice_id),
        username=row.username,
        display_name=row.display_name,
        timezone=row.timezone,
        email=row.email if email else "",
        policies=policies(row.policies),
        effective_policies=effective,
        version=row.policies_version,
    )


def room(row: PhysicalRoom) -> pb.PhysicalRoom:
    """A physical room."""
    return pb.PhysicalRoom(room_id=str(row.id), name=row.name, address=row.address)


def week(blocks: Sequence[pb.WeeklyBlock], rooms: Mapping[str, int]) -> list[WeeklyBlock]:
    """The blocks of a request; `rooms` numbers the practice's physical rooms by their ids."""
    return [_block(b, rooms, f"blocks[{at}]") for at, b in enumerate(blocks)]


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


def stored_blocks(blocks: Iterable[WeeklyBlock]) -> list[Json]:
    """Blocks as they are to be stored."""
    return [
        {
            "day": block.day,
            "start": block.start,
            "end": block.end,
            "online": block.online,
            "modes": sorted(block.modes),
            "room": block.room,
        }
        for block in blocks
    ]


def blocks(stored: Iterable[Json]) -> list[WeeklyBlock]:
    """Blocks as they are stored."""
    return [
        WeeklyBlock(
            start=block["start"],
            end=block["end"],
            online=block["online"],
            modes=frozenset(Mode(word) for word in block["modes"]),
            room=block["room"],
            day=block["day"],
        )
        for block in stored
    ]


def block_messages(stored: Iterable[Json], rooms: Mapping[int, str]) -> list[pb.WeeklyBlock]:
    """Stored blocks for an answer; `rooms` has the ids by number."""
    return [
        pb.WeeklyBlock(
            day=block.day,
            start=format_time(block.start),
            end=format_time(block.end),
            online=block.online,
            modes=[] if block.modes == ALL_MODES else sorted(_NUMBERS[m] for m in block.modes),
            room_id=rooms.get(block.room, "") if block.room is not None else "",
        )
        for block in blocks(stored)
    ]


def service_type(row: ServiceType | Mapping[str, Any], currency: str) -> pb.ServiceType:
    """A service type, from its row or from the row as JSON."""
    value = row if isinstance(row, Mapping) else vars(row)
    message = pb.ServiceType(
        service_type_id=str(value["id"]),
        modes=sorted(_NUMBERS[Mode(word)] for word in value["modes"]),
        price=types.Money(minor_units=value["price"], currency_code=currency),
        **{name: value[name] for name in _SAME},
    )
    for name in _FEES:
        if value[name] is not None:
            ParseDict(value[name], getattr(message, name))
    return message


_SAME = (
    *("slug", "title", "description", "duration_minutes", "step_minutes"),
    *("buffer_before_minutes", "buffer_after_minutes", "code"),
    *("active", "online", "telehealth_enabled", "version"),
)
_FEES = ("no_show_fee", "late_cancellation_fee")


def service_type_columns(message: pb.ServiceType) -> dict[str, Any]:
    """The columns of a service type that a request decides."""
    fees = {
        name: MessageToDict(getattr(message, name)) if message.HasField(name) else None  # type: ignore[arg-type]  # a field's name
        for name in _FEES
    }
    return {
        **{name: getattr(message, name) for name in _SAME if name != "version"},
        "modes": [_MODES[number] for number in message.modes],
        "price": message.price.minor_units,
        **fees,
    }
