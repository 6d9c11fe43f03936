"""Profiles, slots and holds."""

from typing import Annotated

from pydantic import Field

from gateway.schemas.types import (
    Amount,
    Answer,
    Date,
    DateText,
    Instant,
    InstantText,
    Mode,
    Month,
    Number,
    Query,
    Request,
    Slug,
    Timezone,
    text_like,
)

Revision = Annotated[
    str,
    text_like(r"^([0-9]{1,15}(\.[0-9]{1,15})?)?$", "This is not a revision."),
    Field(description="The answer reflects at least this revision of another answer."),
]


class ServiceOffered(Answer):
    """A service type that clients can book themselves."""

    service: str
    title: str
    description: str
    modes: list[Mode]
    duration_minutes: int
    price: Amount | None = None


class PracticeName(Answer):
    """What anybody may know of a practice."""

    name: str
    timezone: str
    address: str


class Profile(Answer):
    """What anybody may know of a provider."""

    username: str
    name: str
    timezone: str
    practice: PracticeName
    services: list[ServiceOffered]


class SlotsQuery(Query):
    service: Slug
    mode: Mode
    from_: Date | None = Field(None, alias="from", description="The first date; default: today.")
    to: Date | None = Field(
        None, description="The last date, included; default: six days later. At most 92 dates."
    )
    tz: Timezone | None = Field(None, description="The viewer's zone; default: the provider's.")
    revision: Revision | None = None


class NextSlotsQuery(Query):
    service: Slug
    mode: Mode
    tz: Timezone | None = Field(None, description="The viewer's zone; default: the provider's.")
    count: Number = Field(5, ge=1, le=50)
    revision: Revision | None = None


class DaysQuery(Query):
    service: Slug
    mode: Mode
    month: Month | None = Field(None, description="YYYY-MM; default: the present one.")
    tz: Timezone | None = Field(None, description="The viewer's zone; default: the provider's.")
    revision: Revision | None = None


class Slot(Answer):
    """A time that can be booked, in the viewer's zone."""

    start: InstantText
    end: InstantText


class DaySlots(Answer):
    """The slots of one of the viewer's dates."""

    date: DateText
    slots: list[Slot]


class Slots(Answer):
    """Slots by date; every date asked for is there, those without slots, too."""

    timezone: str
    revision: str
    days: list[DaySlots]


class NextSlots(Answer):
    """The first slots from now on."""

    timezone: str
    revision: str
    slots: list[Slot]


class DayCount(Answer):
    """How many slots one of the viewer's dates has."""

    date: DateText
    slots: int


class Days(Answer):
    """Every date of a month with the number of its slots."""

    timezone: str
    revision: str
    days: list[DayCount]


class NewHold(Request):
    """A slot to set aside while a form is filled in."""

    service: Slug
    mode: Mode
    start: Instant


class Hold(Answer):
    """A slot set aside."""

    hold: str
    expires_at: InstantText
    start: InstantText
    end: InstantText
    revision: str
