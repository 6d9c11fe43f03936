"""Service types: what may be saved (spec AV-11)."""

from collections.abc import Iterable, Sequence

from attune.availability.v1.availability_pb2 import ServiceType
from attune.common.v1.types_pb2 import Fee, Mode, Money
from availability.domain import inputs
from common.errors import Invalid, Refused

MAX_ACTIVE = 15
MAX_KEPT = 200
DEFAULT_STEP = 15
_DEAREST = 10**12  # minor units

CHANGEABLE = frozenset(
    field.name
    for field in ServiceType.DESCRIPTOR.fields
    if field.name not in ("service_type_id", "version")
)


class TooManyActiveServiceTypes(Refused):
    """At most 15 service types can be active."""


class TooManyServiceTypes(Refused):
    """At most 200 service types can be kept; delete some that are out of use."""


class CurrencyDiffers(Refused):
    """Amounts are in the practice's currency."""


class NoModes(Invalid):
    """A service type is offered in at least one mode."""


def checked(wanted: ServiceType, currency: str) -> ServiceType:
    """The service type as it is to be saved, or an Invalid that names the field.

    A step of zero stands for 15 minutes; an amount without a currency is in the practice's.
    """
    field = "service_type"
    saved = ServiceType()
    saved.CopyFrom(wanted)
    saved.slug = inputs.slug(wanted.slug, f"{field}.slug")
    saved.title = inputs.line(wanted.title, f"{field}.title")
    saved.description = inputs.words(wanted.description, f"{field}.description")
    saved.code = inputs.optional_line(wanted.code, f"{field}.code", 60)
    inputs.number(wanted.duration_minutes, f"{field}.duration_minutes", 5, 480)
    saved.step_minutes = wanted.step_minutes or DEFAULT_STEP
    inputs.number(saved.step_minutes, f"{field}.step_minutes", 5, 480)
    for name in ("buffer_before_minutes", "buffer_after_minutes"):
        inputs.number(getattr(wanted, name), f"{field}.{name}", 0, 240)
    del saved.modes[:]
    saved.modes.extend(modes(wanted.modes, f"{field}.modes"))
    if not saved.modes:
        raise NoModes(field=f"{field}.modes")
    saved.price.CopyFrom(_amount(wanted.price, currency, f"{field}.price"))
    if wanted.HasField("no_show_fee"):
        fee = _fee(wanted.no_show_fee, currency, f"{field}.no_show_fee")
        saved.no_show_fee.CopyFrom(fee)
    if wanted.HasField("late_cancellation_fee"):
        fee = _fee(wanted.late_cancellation_fee, currency, f"{field}.late_cancellation_fee")
        saved.late_cancellation_fee.CopyFrom(fee)
    return saved


def changed(stored: ServiceType, wanted: ServiceType, fields: Sequence[str]) -> ServiceType:
    """The stored one with the named fields of the other."""
    result = ServiceType()
    result.CopyFrom(stored)
    if not fields or not CHANGEABLE.issuperset(fields):
        raise Invalid(
            "Name the fields of a service type that change.",
            field="update_fields",
            reason="INVALID_UPDATE_FIELDS",
        )
    only = ServiceType()
    only.CopyFrom(wanted)
    for field in ServiceType.DESCRIPTOR.fields:
        if field.name in fields:
            result.ClearField(field.name)  # type: ignore[arg-type]  # a field's name
        else:
            only.ClearField(field.name)  # type: ignore[arg-type]  # a field's name
    result.MergeFrom(only)
    return result


def check_count(active: int, kept: int) -> None:
    """Raises if there are more of them than may be, the one to be saved counted."""
    if active > MAX_ACTIVE:
        raise TooManyActiveServiceTypes(field="service_type.active")
    if kept > MAX_KEPT:
        raise TooManyServiceTypes


def modes(wanted: Iterable["Mode.ValueType"], field: str) -> list["Mode.ValueType"]:
    """The modes in their order, each once."""
    known = {mode for mode in Mode.values() if mode}
    if not known.issuperset(wanted):
        raise Invalid("Choose among those offered.", field=field, reason="INVALID_CHOICE")
    return sorted(set(wanted))


def _amount(amount: Money, currency: str, field: str) -> Money:
    if amount.currency_code not in ("", currency):
        raise CurrencyDiffers(f"Amounts are in {currency}.", field=f"{field}.currency_code")
    inputs.number(amount.minor_units, f"{field}.minor_units", 0, _DEAREST)
    return Money(minor_units=amount.minor_units, currency_code=currency)


def _fee(fee: Fee, currency: str, field: str) -> Fee:
    saved = Fee()
    if fee.HasField("amount"):
        saved.amount.CopyFrom(_amount(fee.amount, currency, f"{field}.amount"))
    named = modes([each.mode for each in fee.by_mode], f"{field}.by_mode")
    if len(named) < len(fee.by_mode):
        raise Invalid("Name each mode once.", field=f"{field}.by_mode", reason="MODE_TWICE")
    for each in sorted(fee.by_mode, key=lambda each: each.mode):
        exact = _amount(each.amount, currency, f"{field}.by_mode.amount")
        saved.by_mode.add(mode=each.mode, amount=exact)
    return saved
