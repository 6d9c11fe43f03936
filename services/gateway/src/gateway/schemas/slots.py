"""Free slots."""

from typing import Annotated

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.problem import Problem
from gateway.openapi.types import (
    FROM_QUERY,
    Answer,
    Date,
    DateText,
    InstantText,
    Mode,
    Month,
    Query,
    Slug,
    Timezone,
    text_like,
)

Revision = Annotated[
    str,
    text_like(r"^([0-9]{1,15}(\.[0-9]{1,15})?)?$", "Invalid revision."),
    Field(description="The `revision` of an earlier response. Results are at least that recent."),
]


class SlotsQuery(Query):
    example = {
        "service": examples.SERVICE,
        "mode": "telehealth",
        "from": "2026-11-02",
        "to": "2026-11-03",
        "tz": "America/New_York",
    }

    service: Slug
    mode: Mode
    from_: Date | None = Field(None, alias="from", description="The first date. Default: today.")
    to: Date | None = Field(
        None,
        description="The last date, included. Default: six days after `from`. At most 92 dates.",
    )
    tz: Timezone | None = Field(None, description="Your user's time zone. Default: the provider's.")
    revision: Revision | None = None


class NextSlotsQuery(Query):
    example = {"service": examples.SERVICE, "mode": "telehealth", "count": 2}

    service: Slug
    mode: Mode
    tz: Timezone | None = Field(None, description="Your user's time zone. Default: the provider's.")
    count: Annotated[int, Field(ge=1, le=50, description="The most slots."), FROM_QUERY] = 5
    revision: Revision | None = None


class DaysQuery(Query):
    example = {"service": examples.SERVICE, "mode": "telehealth", "month": "2026-11"}

    service: Slug
    mode: Mode
    month: Month | None = Field(None, description="`YYYY-MM`. Default: the current month.")
    tz: Timezone | None = Field(None, description="Your user's time zone. Default: the provider's.")
    revision: Revision | None = None


class Slot(Answer):
    """A time that can be booked."""

    example = {"start": "2026-11-02T09:00:00-05:00", "end": "2026-11-02T09:50:00-05:00"}

    start: InstantText
    end: InstantText


class DaySlots(Answer):
    """The open slots that start on a date."""

    date: DateText
    slots: list[Slot]


class Slots(Answer):
    """Open slots by date. Dates without slots are included."""

    example = {
        "timezone": "America/New_York",
        "revision": "55.12",
        "days": [
            {"date": "2026-11-02", "slots": [Slot.example]},
            {"date": "2026-11-03", "slots": []},
        ],
    }

    timezone: str
    revision: str
    days: list[DaySlots]


class NextSlots(Answer):
    """The next open slots."""

    example = {"timezone": "America/New_York", "revision": "55.12", "slots": [Slot.example]}

    timezone: str
    revision: str
    slots: list[Slot]


class DayCount(Answer):
    """The number of open slots on a date."""

    date: DateText
    slots: int


class Days(Answer):
    """The number of open slots on each date of a month."""

    example = {
        "timezone": "America/New_York",
        "revision": "55.12",
        "days": [{"date": "2026-11-01", "slots": 0}, {"date": "2026-11-02", "slots": 24}],
    }

    timezone: str
    revision: str
    days: list[DayCount]


class Alternative(Answer):
    """An open slot near the one that was taken."""

    start: InstantText
    end: InstantText


class SlotTakenProblem(Problem):
    """An error. If the slot is taken, `alternatives` has the nearest open ones."""

    example = {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "This time is no longer available.",
        "reason": "SLOT_TAKEN",
        "trace_id": "8f0c2b7d5e914a63b1d7e2c09f6a4358",
        "alternatives": [
            {"start": "2026-11-02T10:00:00-05:00", "end": "2026-11-02T10:50:00-05:00"}
        ],
    }

    alternatives: list[Alternative] | None = None
