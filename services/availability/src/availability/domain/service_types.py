"""Service types, and their validation (spec AV-11)."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from availability.domain.modes import Mode
from common import validation
from common.errors import Invalid, Refused

MAX_ACTIVE = 15
MAX_KEPT = 200
DEFAULT_STEP = 15
_HIGHEST_AMOUNT = 10**12  # minor units
_FIELD = "service_type"


class TooManyActiveServiceTypes(Refused):
    """At most 15 service types can be active."""


class TooManyServiceTypes(Refused):
    """A practice can have at most 200 service types. Delete some that are no longer used."""


class CurrencyDiffers(Refused):
    """Amounts must be in the practice's currency."""


class NoModes(Invalid):
    """A service type needs at least one mode."""


@dataclass(frozen=True)
class Money:
    """An amount; the currency may be empty in a request, and then is the practice's."""

    minor_units: int = 0
    currency_code: str = ""


@dataclass(frozen=True)
class Fee:
    """One amount for every mode, with exceptions for single modes."""

    amount: Money | None = None
    by_mode: tuple[tuple[Mode, Money], ...] = ()


@dataclass(frozen=True)
class ServiceType:
    """Something a client can book. The fields are named as in the API."""

    slug: str
    title: str
    duration_minutes: int
    modes: tuple[Mode, ...]
    description: str = ""
    step_minutes: int = 0
    """Zero in a request stands for the default."""
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    code: str = ""
    """CPT or free."""
    active: bool = False
    online: bool = False
    """Whether clients can book it themselves."""
    telehealth_enabled: bool = False
    price: Money = Money()
    no_show_fee: Fee | None = None
    late_cancellation_fee: Fee | None = None
    service_type_id: str = ""
    version: int = 0


CHANGEABLE = frozenset(field.name for field in fields(ServiceType)) - {"service_type_id", "version"}


def checked(wanted: ServiceType, currency: str) -> ServiceType:
    """Return a service type as it is saved: texts stripped, modes in order, zero steps replaced by
    the default, amounts in the practice's currency.

    Raises an Invalid or CurrencyDiffers that names the field.
    """
    number = validation.number
    slug = validation.slug(wanted.slug, f"{_FIELD}.slug")
    title = validation.line(wanted.title, f"{_FIELD}.title")
    description = validation.words(wanted.description, f"{_FIELD}.description")
    code = validation.optional_line(wanted.code, f"{_FIELD}.code", 60)
    number(wanted.duration_minutes, f"{_FIELD}.duration_minutes", 5, 480)
    step = number(wanted.step_minutes or DEFAULT_STEP, f"{_FIELD}.step_minutes", 5, 480)
    number(wanted.buffer_before_minutes, f"{_FIELD}.buffer_before_minutes", 0, 240)
    number(wanted.buffer_after_minutes, f"{_FIELD}.buffer_after_minutes", 0, 240)
    if not wanted.modes:
        raise NoModes(field=f"{_FIELD}.modes")
    return replace(
        wanted,
        slug=slug,
        title=title,
        description=description,
        code=code,
        step_minutes=step,
        modes=in_order(wanted.modes),
        price=_amount(wanted.price, currency, f"{_FIELD}.price"),
        no_show_fee=_fee(wanted.no_show_fee, currency, f"{_FIELD}.no_show_fee"),
        late_cancellation_fee=_fee(
            wanted.late_cancellation_fee, currency, f"{_FIELD}.late_cancellation_fee"
        ),
    )


def check_count(active: int, kept: int) -> None:
    """Raise unless a practice may have so many service types, the one to be saved counted."""
    if active > MAX_ACTIVE:
        raise TooManyActiveServiceTypes(field=f"{_FIELD}.active")
    if kept > MAX_KEPT:
        raise TooManyServiceTypes


def in_order(modes: Iterable[Mode]) -> tuple[Mode, ...]:
    """Return the modes in the order of the enumeration, each once."""
    present = set(modes)
    return tuple(mode for mode in Mode if mode in present)


def _amount(amount: Money, currency: str, field: str) -> Money:
    if amount.currency_code not in ("", currency):
        raise CurrencyDiffers(f"Amounts must be in {currency}.", field=f"{field}.currency_code")
    validation.number(amount.minor_units, f"{field}.minor_units", 0, _HIGHEST_AMOUNT)
    return Money(amount.minor_units, currency)


def _fee(fee: Fee | None, currency: str, field: str) -> Fee | None:
    if fee is None:
        return None
    amount = _amount(fee.amount, currency, f"{field}.amount") if fee.amount else None
    exceptions = dict(fee.by_mode)
    if len(exceptions) < len(fee.by_mode):
        raise Invalid(
            "Each mode can appear only once.", field=f"{field}.by_mode", reason="MODE_TWICE"
        )
    by_mode = (
        (mode, _amount(exceptions[mode], currency, f"{field}.by_mode.amount"))
        for mode in in_order(exceptions)
    )
    return Fee(amount, tuple(by_mode))
