"""Hours, overrides, service types, policies, physical rooms, calendar feeds."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from gateway.schemas.types import (
    Amount,
    Answer,
    Date,
    DateText,
    Id,
    Integer,
    Line,
    Mode,
    Money,
    Named,
    Note,
    Query,
    Request,
    Slug,
    UrlText,
    text_like,
)

_MOST_BLOCKS = 15
Version = Annotated[Integer, Field(ge=0, le=2**53, description="The version this is based on.")]
Start = Annotated[
    str,
    text_like(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "A time from 00:00 to 23:59 is needed."),
]
End = Annotated[
    str,
    text_like(r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "A time from 00:00 to 24:00 is needed."),
]
Modes = Annotated[tuple[Mode, ...], Field(max_length=3)]


class NewBlock(Request):
    """Wall-clock time in which a provider can be booked."""

    start: Start
    end: End
    online: bool = Field(True, description="Whether clients may book it themselves.")
    modes: Modes = Field((), description="Empty: all.")
    place: Id | None = Field(None, description="The physical room that in-person sessions take.")


class NewWeeklyBlock(NewBlock):
    """A block of one weekday."""

    day: Annotated[Integer, Field(ge=0, le=6, description="Monday is 0.")]


class NewHours(Request):
    """A whole week, instead of the one that is there."""

    version: Version
    blocks: Annotated[tuple[NewWeeklyBlock, ...], Field(max_length=7 * _MOST_BLOCKS)]


class Block(Answer):
    """Wall-clock time in which a provider can be booked."""

    start: str
    end: str
    online: bool
    modes: list[Mode]
    place: str | None = None


class WeeklyBlock(Block):
    """A block of one weekday; Monday is 0."""

    day: int


class Hours(Answer):
    """A provider's week."""

    version: int
    blocks: list[WeeklyBlock]


class SavedHours(Hours):
    """The week as saved, and the bookings that now lie outside it."""

    revision: str
    bookings_outside: list[str]


class NewOverride(Request):
    """The hours of one date instead of the weekly ones; without blocks, closed."""

    date: Date
    blocks: Annotated[tuple[NewBlock, ...], Field(max_length=_MOST_BLOCKS)]


class Override(Answer):
    """The hours of one date."""

    id: str
    date: DateText
    blocks: list[Block]


class SavedOverride(Override):
    """An override as saved, and the bookings that now lie outside the hours."""

    revision: str
    bookings_outside: list[str]


class OverridesQuery(Query):
    from_: Date | None = Field(None, alias="from", description="The first date; default: today.")


class Overrides(Answer):
    """Overrides by date."""

    overrides: list[Override]


class NewFee(Request):
    """A fee: one amount, with exceptions for single modes."""

    amount: Money | None = None
    by_mode: dict[Mode, Money] = Field({}, max_length=3)


class Fee(Answer):
    """A fee: one amount, with exceptions for single modes."""

    amount: Amount | None = None
    by_mode: dict[Mode, Amount]


Duration = Annotated[Integer, Field(ge=5, le=480)]
Buffer = Annotated[Integer, Field(ge=0, le=240)]
SomeModes = Annotated[tuple[Mode, ...], Field(min_length=1, max_length=3)]
Code = Annotated[Line, Field(max_length=60)]


class NewServiceType(Request):
    """Something that can be booked."""

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


# Of a change: not sent, so not changed. It is never read, as only `changed` fields are.
_UNCHANGED: Any = Field(default_factory=lambda: None, validate_default=False)


class ServiceTypeChange(Request):
    """The fields of a service type to change."""

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
            raise ValueError("Name at least one field to change.")
        return self


class ServiceType(Answer):
    """Something that can be booked."""

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
    """Service types by slug."""

    service_types: list[ServiceType]


_YEAR = 365 * 24 * 60  # minutes
_MONTH = 30 * 24 * 60


class NewPolicies(Request):
    """What decides what is offered. What is left out falls back: to the practice's, or to the
    product's defaults."""

    minimum_notice_minutes: Annotated[Integer, Field(ge=0, le=_YEAR)] | None = None
    maximum_advance_days: (
        Annotated[Integer, Field(ge=0, le=3660, description="Zero: unlimited.")] | None
    ) = None
    confirmation: Literal["instant", "approval"] | None = None
    clients_may_schedule: bool | None = None
    new_clients_may_schedule: bool | None = None
    active_clients_may_schedule: bool | None = None
    inactive_clients_may_schedule: bool | None = None
    client_cancellation: Literal["allowed", "approval", "not_allowed"] | None = None
    late_cancellation_minutes: Annotated[Integer, Field(ge=0, le=_MONTH)] | None = None
    hold_minutes: Annotated[Integer, Field(ge=1, le=60)] | None = None


class PoliciesChange(Request):
    """All policies of a practice or a provider, instead of those that are there."""

    version: Version
    policies: NewPolicies


class Policies(Answer):
    """What decides what is offered."""

    minimum_notice_minutes: int | None = None
    maximum_advance_days: int | None = None
    confirmation: Literal["instant", "approval"] | None = None
    clients_may_schedule: bool | None = None
    new_clients_may_schedule: bool | None = None
    active_clients_may_schedule: bool | None = None
    inactive_clients_may_schedule: bool | None = None
    client_cancellation: Literal["allowed", "approval", "not_allowed"] | None = None
    late_cancellation_minutes: int | None = None
    hold_minutes: int | None = None


class AllPolicies(Answer):
    """A practice's or a provider's own policies, and what holds with everything behind them."""

    version: int
    policies: Policies
    effective: Policies


class NewPhysicalRoom(Request):
    """A room of the practice which one session at a time can use."""

    name: Named
    address: Annotated[Line, Field(max_length=200)] = ""


class PhysicalRoom(Answer):
    """A room of the practice which one session at a time can use."""

    id: str
    name: str
    address: str


class PhysicalRooms(Answer):
    """The practice's physical rooms."""

    physical_rooms: list[PhysicalRoom]


class CalendarFeed(Answer):
    """The address of a provider's private calendar feed; whoever has it can read it."""

    url: UrlText
