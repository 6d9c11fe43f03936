"""Service types, and how their fees are kept as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from availability.domain.modes import Mode
from availability.domain.service_types import Fee, Money, ServiceType, in_order
from availability.store import tables
from availability.store.tables import Json
from common.errors import NotFound

_SAME = (
    *("slug", "title", "description", "duration_minutes", "step_minutes"),
    *("buffer_before_minutes", "buffer_after_minutes", "code"),
    *("active", "online", "telehealth_enabled"),
)
"""The columns that hold a field of ServiceType as it is."""


class ServiceTypeNotFound(NotFound):
    """This service type doesn't exist."""


def of_practice(session: Session, practice_id: UUID) -> Sequence[tables.ServiceType]:
    """Return a practice's service types by slug, without those deleted."""
    kept = select(tables.ServiceType).where(~tables.ServiceType.deleted)
    ordered = kept.order_by(tables.ServiceType.slug)
    return session.scalars(ordered.filter_by(practice_id=practice_id)).all()


def get(session: Session, service_type_id: UUID) -> tables.ServiceType:
    """Return the service type with that id, unless it was deleted. Raises ServiceTypeNotFound."""
    found = session.get(tables.ServiceType, service_type_id)
    if found is None or found.deleted:
        raise ServiceTypeNotFound
    return found


def from_row(row: tables.ServiceType | Mapping[str, Any], currency_code: str) -> ServiceType:
    """Return the service type of a row, or of a row that the database has turned into JSON."""
    value = row if isinstance(row, Mapping) else vars(row)
    return ServiceType(
        service_type_id=str(value["id"]),
        version=value["version"],
        modes=in_order(Mode(word) for word in value["modes"]),
        price=Money(value["price"], currency_code),
        no_show_fee=_fee(value["no_show_fee"]),
        late_cancellation_fee=_fee(value["late_cancellation_fee"]),
        **{name: value[name] for name in _SAME},
    )


def to_columns(service_type: ServiceType) -> dict[str, Any]:
    """Return the values of the columns that a request decides."""
    return {
        **{name: getattr(service_type, name) for name in _SAME},
        "modes": list(service_type.modes),
        "price": service_type.price.minor_units,
        "no_show_fee": _fee_to_json(service_type.no_show_fee),
        "late_cancellation_fee": _fee_to_json(service_type.late_cancellation_fee),
    }


# Fees are kept as protobuf's JSON writes `attune.common.v1.Fee`: 64-bit numbers are text, and
# zeros are left out.


def _fee(stored: Json | None) -> Fee | None:
    if not stored:
        return None
    amount = _money(stored["amount"]) if "amount" in stored else None
    exceptions = (
        (Mode(each["mode"].removeprefix("MODE_").lower()), _money(each.get("amount", {})))
        for each in stored.get("byMode", ())
    )
    return Fee(amount, tuple(exceptions))


def _money(stored: Json) -> Money:
    return Money(int(stored.get("minorUnits", 0)), stored.get("currencyCode", ""))


def _fee_to_json(fee: Fee | None) -> Json | None:
    if fee is None:
        return None
    stored: Json = {}
    if fee.amount:
        stored["amount"] = _money_to_json(fee.amount)
    if fee.by_mode:
        stored["byMode"] = [
            {"mode": f"MODE_{mode.upper()}", "amount": _money_to_json(amount)}
            for mode, amount in fee.by_mode
        ]
    return stored


def _money_to_json(amount: Money) -> Json:
    stored: Json = {"currencyCode": amount.currency_code}
    return {"minorUnits": str(amount.minor_units), **stored} if amount.minor_units else stored
