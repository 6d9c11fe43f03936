"""Service types."""

from collections.abc import Sequence
from typing import Any

from attune.availability.v1 import availability_pb2 as pb
from attune.common.v1 import types_pb2 as types
from availability.domain.service_types import CHANGEABLE, Fee, ServiceType
from availability.messages.values import NUMBERS, choice, money, parse_money
from availability.store import service_types
from availability.store.tables import ServiceType as ServiceTypeRow
from common.errors import Invalid


def parse_service_type(message: pb.ServiceType) -> ServiceType:
    """Return the service type of a request, unchecked but for its modes."""
    return ServiceType(**{name: _service_type_field(message, name) for name in CHANGEABLE})


def parse_service_type_changes(message: pb.ServiceType, names: Sequence[str]) -> dict[str, Any]:
    """Return the new values of the named fields. Raises Invalid for other names or for none."""
    if not names or not CHANGEABLE.issuperset(names):
        raise Invalid(
            "Must name the fields to change.",
            field="update_fields",
            reason="INVALID_UPDATE_FIELDS",
        )
    return {name: _service_type_field(message, name) for name in names}


def _service_type_field(message: pb.ServiceType, name: str) -> Any:
    value, field = getattr(message, name), f"service_type.{name}"
    if name == "modes":
        return tuple(choice(number, field) for number in value)
    if name == "price":
        return parse_money(value)
    if name in ("no_show_fee", "late_cancellation_fee"):
        return _parse_fee(value, field) if message.HasField(name) else None  # type: ignore[arg-type]  # a field's name
    return value


def _parse_fee(fee: types.Fee, field: str) -> Fee:
    return Fee(
        parse_money(fee.amount) if fee.HasField("amount") else None,
        tuple(
            (choice(each.mode, f"{field}.by_mode"), parse_money(each.amount))
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
        modes=[NUMBERS[mode] for mode in value.modes],
        step_minutes=value.step_minutes,
        buffer_before_minutes=value.buffer_before_minutes,
        buffer_after_minutes=value.buffer_after_minutes,
        code=value.code,
        active=value.active,
        online=value.online,
        telehealth_enabled=value.telehealth_enabled,
        price=money(value.price),
        no_show_fee=_fee(value.no_show_fee),
        late_cancellation_fee=_fee(value.late_cancellation_fee),
        version=value.version,
    )


def _fee(fee: Fee | None) -> types.Fee | None:
    if fee is None:
        return None
    return types.Fee(
        amount=money(fee.amount) if fee.amount else None,
        by_mode=[
            types.ModeAmount(mode=NUMBERS[mode], amount=money(amount))
            for mode, amount in fee.by_mode
        ],
    )
