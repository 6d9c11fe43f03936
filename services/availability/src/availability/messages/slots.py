"""The answers of slot RPCs."""

import sys

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.slot_service_pb2 import SearchSlotsResponse
from availability.domain.modes import Mode
from availability.domain.setup import SetUp
from availability.messages.policies import effective_policies
from availability.messages.service_types import service_type

_START_MINUTES = bytes([SearchSlotsResponse.START_MINUTES_FIELD_NUMBER << 3 | 2])


def search_response(starts: memoryview, revision: str, duration: int) -> SearchSlotsResponse:
    """Return the answer to a search.

    The starts are unsigned 32-bit integers, which is also how protobuf sends them, so they are
    copied as they lie in memory: adding them one by one costs more than finding them.
    """
    packed = starts.tobytes() if sys.byteorder == "little" else _swapped(starts)
    answer = SearchSlotsResponse.FromString(_START_MINUTES + _varint(len(packed)) + packed)
    answer.revision = revision
    answer.duration_minutes = duration
    return answer


def _swapped(starts: memoryview) -> bytes:
    return b"".join(start.to_bytes(4, "little") for start in starts)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def terms(setup: SetUp, slug: str, mode: Mode, room: int | None) -> pb.Terms:
    """Return the terms of a booking made now; `room` is the physical room's resource number."""
    message = pb.Terms(
        practice_id=setup.practice_id,
        provider_id=setup.provider_id,
        provider_timezone=setup.timezone,
        service_type=service_type(setup.service_types[slug]),
        policies=effective_policies(setup.policies),
        country=setup.practice.country,
        synthetic=setup.practice.synthetic,
        resources=[pb.Resource(number=setup.number, id=setup.provider_id)],
    )
    if mode is Mode.IN_PERSON:
        message.address = setup.practice.address
        if room is not None:
            physical = setup.rooms[room]
            message.resources.add(number=room, id=physical.id)
            parts = (physical.name, physical.address or setup.practice.address)
            message.address = ", ".join(part for part in parts if part)
    return message
