"""Money between messages and answers."""

from typing import Any

from attune.availability.v1 import availability_pb2 as availability
from attune.common.v1 import types_pb2 as types
from gateway import names
from gateway.schemas.setup import Fee, NewFee
from gateway.schemas.types import Amount, Money


def amount(holder: Any, field: str) -> Amount | None:
    """An amount of a message, if it is set."""
    return of(getattr(holder, field)) if holder.HasField(field) else None


def of(money: types.Money) -> Amount:
    """An amount as answers give it."""
    return Amount(minor_units=money.minor_units, currency=money.currency_code)


def to_message(money: Money) -> types.Money:
    """An amount as messages carry it."""
    return types.Money(minor_units=money.minor_units, currency_code=money.currency)


def fee(service_type: availability.ServiceType, field: str) -> Fee | None:
    """A fee of a service type, if it is set."""
    if not service_type.HasField(field):  # type: ignore[arg-type]  # one of its fee fields
        return None
    found: types.Fee = getattr(service_type, field)
    return Fee(
        amount=amount(found, "amount"),
        by_mode={names.MODES.word(one.mode): of(one.amount) for one in found.by_mode},
    )


def fee_to_message(new: NewFee) -> types.Fee:
    """A fee as messages carry it."""
    return types.Fee(
        amount=to_message(new.amount) if new.amount else None,
        by_mode=[
            types.ModeAmount(mode=names.MODES.number(mode), amount=to_message(money))
            for mode, money in new.by_mode.items()
        ],
    )
