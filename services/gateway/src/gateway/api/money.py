"""Money between protobuf messages and the API."""

from typing import Any

from attune.common.v1 import types_pb2 as types
from common import proto
from gateway import words
from gateway.openapi.types import Amount, Money
from gateway.schemas.service_types import Fee, NewFee


def amount(holder: Any, field: str) -> Amount | None:
    """Return the amount in a field of a message; None if it is not set."""
    return to_amount(getattr(holder, field)) if holder.HasField(field) else None


def to_amount(money: types.Money) -> Amount:
    """Return the amount of a message."""
    return Amount(minor_units=money.minor_units, currency=money.currency_code)


def to_message(money: Money) -> types.Money | None:
    """Return the message of an amount."""
    return proto.money(money.minor_units, money.currency or "")


def fee(holder: Any, field: str) -> Fee | None:
    """Return the fee in a field of a message; None if it is not set."""
    if not holder.HasField(field):
        return None
    found: types.Fee = getattr(holder, field)
    return Fee(
        amount=amount(found, "amount"),
        by_mode={words.word(types.Mode, one.mode): to_amount(one.amount) for one in found.by_mode},
    )


def fee_to_message(new: NewFee) -> types.Fee:
    """Return the message of a fee."""
    return types.Fee(
        amount=to_message(new.amount) if new.amount else None,
        by_mode=[
            types.ModeAmount(mode=words.value(types.Mode, mode), amount=to_message(money))
            for mode, money in new.by_mode.items()
        ],
    )
