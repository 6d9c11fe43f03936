"""Conversions between protobuf messages, rows, and the values of the domain."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.provider_service_pb2 import GetProfileResponse
from attune.availability.v1.slot_service_pb2 import SearchSlotsResponse
from attune.common.v1 import types_pb2 as types
from availability.domain.hours import WeeklyBlock, format_time, parse_time
from availability.domain.modes import ALL_MODES, Mode
from availability.domain.policies import Policies, Settings, effective
from availability.domain.rules import ClientStatus
from availability.domain.service_types import CHANGEABLE, Fee, Money, ServiceType
from availability.domain.setup import SetUp
from availability.store import hours, service_types
from availability.store.providers import covers
from availability.store.tables import Override, PhysicalRoom, Practice, Provider
from availability.store.tables import ServiceType as ServiceTypeRow
from common import proto, validation
from common.errors import Invalid
from common.rpc.identity import Identity

_MODES: dict[int, Mode] = {
    number: Mode(proto.word(types.Mode, number)) for number in types.Mode.values() if number
}
_NUMBERS: dict[Mode, types.Mode.ValueType] = {mode: proto.value(types.Mode, mode) for mode in Mode}
_STATUSES: dict[int, ClientStatus] = {
    number: ClientStatus(proto.word(types.ClientStatus, number) or ClientStatus.NEW)
    for number in types.ClientStatus.values()
}
_START_MINUTES = bytes([SearchSlotsResponse.START_MINUTES_FIELD_NUMBER << 3 | 2])


class UnknownRoom(Invalid):
    """The practice has no such physical room."""


# Values of requests


def mode(number: int, field: str = "mode") -> Mode:
    """Return the mode with that number. Raises Invalid."""
    found = _MODES.get(number)
    if found is None:
        raise Invalid("Choose a mode.", field=field, reason="INVALID_MODE")
    return found


def client_status(number: int) -> ClientStatus:
    """Return the client status with that number; unspecified means new. Raises Invalid."""
    found = _STATUSES.get(number)
    if found is None:
        raise Invalid("Choose a status.", field="client_status", reason="INVALID_CHOICE")
    return found


def minute(value: Timestamp, field: str) -> tuple[int, bool]:
    """Return the minute since 1970 in which an instant of the years 2000 to 2100 lies, and whether
    the instant is exactly the minute's beginning."""
    whole = int(validation.instant(value, field).timestamp()) // 60
    return whole, not value.seconds % 60 and not value.nanos


# Slots


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
        policies=policies(setup.policies),
        resources=[pb.Resource(number=setup.number, id=setup.provider_id)],
    )
    if mode is Mode.IN_PERSON:
        message.address = setup.address
        if room is not None:
            physical = setup.rooms[room]
            message.resources.add(number=room, id=physical.id)
            parts = (physical.name, physical.address or setup.address)
            message.address = ", ".join(part for part in parts if part)
    return message


# Practices and providers


def practice(row: Practice) -> pb.Practice:
    """Return a practice. Its policies are complete: the product's defaults fill them up."""
    return pb.Practice(
        practice_id=str(row.practice_id),
        name=row.name,
        timezone=row.timezone,
        currency_code=row.currency_code,
        address=row.address,
        policies=policies(effective(row.policies, {})),
        version=row.policies_version,
    )


def provider(row: Provider, practice: Practice, viewer: Identity) -> pb.Provider:
    """Return a provider, with the email if the viewer may see it."""
    return pb.Provider(
        provider_id=str(row.id),
        practice_id=str(row.practice_id),
        username=row.username,
        display_name=row.display_name,
        timezone=row.timezone,
        email=row.email if covers(viewer, "provider_emails:read", row) else "",
        policies=policy_settings(row.policies),
        effective_policies=policies(effective(practice.policies, row.policies)),
        version=row.policies_version,
    )


def profile(setup: SetUp) -> GetProfileResponse:
    """Return what everybody may know of a provider: no email, and of the service types those that
    clients can book themselves."""
    public = [_public(kind) for _, kind in sorted(setup.service_types.items())]
    return GetProfileResponse(
        provider=pb.Provider(
            provider_id=setup.provider_id,
            practice_id=setup.practice_id,
            username=setup.username,
            display_name=setup.display_name,
            timezone=setup.timezone,
            effective_policies=policies(setup.policies),
        ),
        practice=pb.Practice(
            practice_id=setup.practice_id,
            name=setup.practice_name,
            timezone=setup.practice_timezone,
            currency_code=setup.currency_code,
            address=setup.address,
        ),
        service_types=[kind for kind in public if kind.active and kind.online and kind.modes],
    )


def _public(kind: ServiceType) -> pb.ServiceType:
    """Return a service type without telehealth, unless that is enabled."""
    message = service_type(kind)
    if not kind.telehealth_enabled:
        del message.modes[:]
        message.modes.extend(_NUMBERS[mode] for mode in kind.modes if mode is not Mode.TELEHEALTH)
    return message


def room(row: PhysicalRoom) -> pb.PhysicalRoom:
    """Return a physical room."""
    return pb.PhysicalRoom(room_id=str(row.id), name=row.name, address=row.address)


# Hours


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
        modes=[] if block.modes == ALL_MODES else sorted(_NUMBERS[mode] for mode in block.modes),
        room_id=next((str(row.id) for row in rooms if row.number == block.room), ""),
    )


# Service types


def parse_service_type(message: pb.ServiceType) -> ServiceType:
    """Return the service type of a request, unchecked but for its modes."""
    return ServiceType(**{name: _service_type_field(message, name) for name in CHANGEABLE})


def parse_service_type_changes(message: pb.ServiceType, names: Sequence[str]) -> dict[str, Any]:
    """Return the new values of the named fields. Raises Invalid for other names or for none."""
    if not names or not CHANGEABLE.issuperset(names):
        raise Invalid(
            "Name the fields of a service type that change.",
            field="update_fields",
            reason="INVALID_UPDATE_FIELDS",
        )
    return {name: _service_type_field(message, name) for name in names}


def _service_type_field(message: pb.ServiceType, name: str) -> Any:
    value, field = getattr(message, name), f"service_type.{name}"
    if name == "modes":
        return tuple(_choice(number, field) for number in value)
    if name == "price":
        return _parse_money(value)
    if name in ("no_show_fee", "late_cancellation_fee"):
        return _parse_fee(value, field) if message.HasField(name) else None  # type: ignore[arg-type]  # a field's name
    return value


def _choice(number: int, field: str) -> Mode:
    if number not in _MODES:
        raise Invalid("Choose among those offered.", field=field, reason="INVALID_CHOICE")
    return _MODES[number]


def _parse_money(amount: types.Money) -> Money:
    return Money(amount.minor_units, amount.currency_code)


def _parse_fee(fee: types.Fee, field: str) -> Fee:
    return Fee(
        _parse_money(fee.amount) if fee.HasField("amount") else None,
        tuple(
            (_choice(each.mode, f"{field}.by_mode"), _parse_money(each.amount))
            for each in fee.by_mode
        ),
    )


def service_type_row(row: ServiceTypeRow, currency_code: str) -> pb.ServiceType:
    """Return the service type of a row, with amounts in the practice's currency."""
    return service_type(service_types.from_row(row, currency_code))


def service_type(value: ServiceType) -> pb.ServiceType:
    """Return a service type."""
    return pb.ServiceType(
        service_type_id=value.service_type_id,
        slug=value.slug,
        title=value.title,
        description=value.description,
        duration_minutes=value.duration_minutes,
        modes=[_NUMBERS[mode] for mode in value.modes],
        step_minutes=value.step_minutes,
        buffer_before_minutes=value.buffer_before_minutes,
        buffer_after_minutes=value.buffer_after_minutes,
        code=value.code,
        active=value.active,
        online=value.online,
        telehealth_enabled=value.telehealth_enabled,
        price=_money(value.price),
        no_show_fee=_fee(value.no_show_fee),
        late_cancellation_fee=_fee(value.late_cancellation_fee),
        version=value.version,
    )


def _money(amount: Money) -> types.Money:
    return types.Money(minor_units=amount.minor_units, currency_code=amount.currency_code)


def _fee(fee: Fee | None) -> types.Fee | None:
    if fee is None:
        return None
    return types.Fee(
        amount=_money(fee.amount) if fee.amount else None,
        by_mode=[
            types.ModeAmount(mode=_NUMBERS[mode], amount=_money(amount))
            for mode, amount in fee.by_mode
        ],
    )


# Policies


def parse_policies(message: pb.Policies) -> Settings:
    """Return the policies that a request sets, unchecked."""
    settings: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return settings


def policy_settings(settings: Settings) -> pb.Policies:
    """Return the policies that a practice or a provider has set itself."""
    return pb.Policies(**settings)  # type: ignore[arg-type]  # by name, as they were parsed


def policies(complete: Policies) -> pb.Policies:
    """Return the policies that hold."""
    return pb.Policies(**vars(complete))


def policies_of(practice: Practice, provider: Provider | None) -> dict[str, Any]:
    """Return the fields of an answer about the policies of a practice, or of a provider.

    The practice's own policies are complete: the product's defaults fill them up.
    """
    holding = policies(effective(practice.policies, provider.policies if provider else {}))
    return {
        "policies": policy_settings(provider.policies) if provider else holding,
        "effective_policies": holding,
        "version": (provider or practice).policies_version,
    }
