"""Free slots."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.problem import Problem
from gateway.openapi.types import (
    Answer,
    Date,
    DateText,
    InstantText,
    Mode,
    Month,
    Number,
    Query,
    Slug,
    Timezone,
    text_like,
)

Revision = Annotated[
    str,
    text_like(r"^([0-9]{1,15}(\.[0-9]{1,15})?)?$", "This is not a revision."),
    Field(description="The answer reflects at least this revision of another answer."),
]


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
    """The slots on a date in the viewer's zone."""

    date: DateText
    slots: list[Slot]


class Slots(Answer):
    """Slots by date, for every date of the range, also those without slots."""

    timezone: str
    revision: str
    days: list[DaySlots]


class NextSlots(Answer):
    """The first slots from now on."""

    timezone: str
    revision: str
    slots: list[Slot]


class DayCount(Answer):
    """The number of slots on a date in the viewer's zone."""

    date: DateText
    slots: int


class Days(Answer):
    """Every date of a month with the number of its slots."""

    timezone: str
    revision: str
    days: list[DayCount]


class Alternative(Answer):
    start: InstantText
    end: InstantText


class SlotTakenProblem(Problem):
    """A problem; if the slot is taken, with the nearest free ones."""

    alternatives: list[Alternative] | None = None
