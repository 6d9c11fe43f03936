"""Service types and their fees."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from gateway.openapi import examples
from gateway.openapi.types import (
    FROM_JSON,
    Amount,
    Answer,
    Line,
    Mode,
    Money,
    Named,
    Note,
    Request,
    Slug,
    Version,
)


class NewFee(Request):
    """An amount, and different amounts for some modes."""

    amount: Money | None = None
    by_mode: dict[Mode, Money] = Field({}, max_length=3)


class Fee(Answer):
    """An amount, and different amounts for some modes."""

    amount: Amount | None = None
    by_mode: dict[Mode, Amount]


Duration = Annotated[int, Field(ge=5, le=480), FROM_JSON]
Buffer = Annotated[int, Field(ge=0, le=240), FROM_JSON]
SomeModes = Annotated[tuple[Mode, ...], Field(min_length=1, max_length=3)]
Code = Annotated[Line, Field(max_length=60)]


class NewServiceType(Request):
    """A service that can be booked."""

    example = {
        "slug": "couples-session",
        "title": "Couples session",
        "duration_minutes": 80,
        "modes": ["telehealth", "in_person"],
        "buffer_after_minutes": 10,
        "price": {"minor_units": 22000, "currency": "USD"},
        "no_show_fee": {"amount": {"minor_units": 10000, "currency": "USD"}},
    }

    slug: Slug
    title: Named
    description: Note = ""
    duration_minutes: Duration
    modes: SomeModes
    step_minutes: Duration = 15
    buffer_before_minutes: Buffer = 0
    buffer_after_minutes: Buffer = 0
    code: Code = ""
    active: bool = True
    online: bool = True
    telehealth_enabled: bool = True
    price: Money | None = None
    no_show_fee: NewFee | None = None
    late_cancellation_fee: NewFee | None = None


# A field of a change that was not sent. It is never read: only `changed` fields are.
_UNCHANGED: Any = Field(default_factory=lambda: None, validate_default=False)


class ServiceTypeChange(Request):
    """The fields of a service type to change."""

    example = {"version": 1, "title": "Couples therapy", "no_show_fee": None}

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    version: Version
    title: Named = _UNCHANGED
    description: Note = _UNCHANGED
    duration_minutes: Duration = _UNCHANGED
    modes: SomeModes = _UNCHANGED
    step_minutes: Duration = _UNCHANGED
    buffer_before_minutes: Buffer = _UNCHANGED
    buffer_after_minutes: Buffer = _UNCHANGED
    code: Code = _UNCHANGED
    active: bool = _UNCHANGED
    online: bool = _UNCHANGED
    telehealth_enabled: bool = _UNCHANGED
    price: Money | None = None
    no_show_fee: NewFee | None = None
    late_cancellation_fee: NewFee | None = None

    @property
    def changed(self) -> list[str]:
        """The fields that were sent."""
        return sorted(self.model_fields_set - {"version"})

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.changed:
            raise ValueError("Include at least one field to change.")
        return self


class ServiceType(Answer):
    """A service that can be booked."""

    example = {
        "id": examples.SERVICE_TYPE_ID,
        **NewServiceType.example,
        "description": "",
        "step_minutes": 15,
        "buffer_before_minutes": 0,
        "code": "",
        "active": True,
        "online": True,
        "telehealth_enabled": True,
        "no_show_fee": {"amount": {"minor_units": 10000, "currency": "USD"}, "by_mode": {}},
        "version": 1,
    }

    id: str
    slug: str
    title: str
    description: str
    duration_minutes: int
    modes: list[Mode]
    step_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    code: str
    active: bool
    online: bool
    telehealth_enabled: bool
    price: Amount | None = None
    no_show_fee: Fee | None = None
    late_cancellation_fee: Fee | None = None
    version: int


class ServiceTypes(Answer):
    """The practice's service types, by slug."""

    example = {"service_types": [ServiceType.example]}

    service_types: list[ServiceType]
