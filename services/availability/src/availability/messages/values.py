"""Values that several resources have in common: modes, client statuses, minutes, money."""

from google.protobuf.timestamp_pb2 import Timestamp

from attune.common.v1 import types_pb2 as types
from availability.domain.modes import Mode
from availability.domain.rules import ClientStatus
from availability.domain.service_types import Money
from common import proto, validation
from common.errors import Invalid

_MODES: dict[int, Mode] = {
    number: Mode(proto.word(types.Mode, number)) for number in types.Mode.values() if number
}
NUMBERS: dict[Mode, types.Mode.ValueType] = {mode: proto.value(types.Mode, mode) for mode in Mode}
"""The number of each mode."""
_STATUSES: dict[int, ClientStatus] = {
    number: ClientStatus(proto.word(types.ClientStatus, number) or ClientStatus.NEW)
    for number in types.ClientStatus.values()
}


def mode(number: int, field: str = "mode") -> Mode:
    """Return the mode with that number. Raises Invalid."""
    found = _MODES.get(number)
    if found is None:
        raise Invalid(f"Must be one of: {', '.join(Mode)}.", field=field, reason="INVALID_MODE")
    return found


def choice(number: int, field: str) -> Mode:
    """Return the mode with that number, which is one of several of a field. Raises Invalid."""
    if number not in _MODES:
        raise Invalid(f"Must be one of: {', '.join(Mode)}.", field=field, reason="INVALID_CHOICE")
    return _MODES[number]


def client_status(number: int) -> ClientStatus:
    """Return the client status with that number; unspecified means new. Raises Invalid."""
    found = _STATUSES.get(number)
    if found is None:
        raise Invalid(
            f"Must be one of: {', '.join(ClientStatus)}.",
            field="client_status",
            reason="INVALID_CHOICE",
        )
    return found


def minute(value: Timestamp, field: str) -> tuple[int, bool]:
    """Return the minute since 1970 in which an instant of the years 2000 to 2100 lies, and whether
    the instant is exactly the minute's beginning."""
    whole = int(validation.instant(value, field).timestamp()) // 60
    return whole, not value.seconds % 60 and not value.nanos


def parse_money(amount: types.Money) -> Money:
    """Return the amount of a request."""
    return Money(amount.minor_units, amount.currency_code)


def money(amount: Money) -> types.Money:
    """Return the amount as a message."""
    return types.Money(minor_units=amount.minor_units, currency_code=amount.currency_code)
