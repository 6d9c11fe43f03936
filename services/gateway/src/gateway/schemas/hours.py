"""Weekly hours and overrides."""

from typing import Annotated

from pydantic import Field

from gateway.openapi import examples
from gateway.openapi.types import (
    FROM_JSON,
    Answer,
    Date,
    DateText,
    Id,
    Mode,
    Query,
    Request,
    Version,
    text_like,
)

_MOST_BLOCKS = 15
Start = Annotated[
    str,
    text_like(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "Must be a time from 00:00 to 23:59."),
]
End = Annotated[
    str,
    text_like(r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "Must be a time from 00:00 to 24:00."),
]
Modes = Annotated[tuple[Mode, ...], Field(max_length=3)]


class NewBlock(Request):
    """Hours on one day, in the provider's time zone."""

    start: Start
    end: End
    online: bool = Field(True, description="Whether clients can book these hours online.")
    modes: Modes = Field((), description="The modes that can be booked. Empty: all.")
    place: Id | None = Field(None, description="The id of the room for in-person sessions.")


class NewWeeklyBlock(NewBlock):
    """Hours on one weekday."""

    day: Annotated[int, Field(ge=0, le=6, description="Monday is 0."), FROM_JSON]


class NewHours(Request):
    """The weekly hours that replace the current ones."""

    example = {
        "version": 1,
        "blocks": [
            {"day": 0, "start": "09:00", "end": "12:00"},
            {"day": 0, "start": "13:00", "end": "17:00", "modes": ["telehealth"]},
        ],
    }

    version: Version
    blocks: Annotated[tuple[NewWeeklyBlock, ...], Field(max_length=7 * _MOST_BLOCKS)]


class Block(Answer):
    """Hours on one day, in the provider's time zone."""

    example = {"start": "09:00", "end": "12:00", "online": True, "modes": []}

    start: str
    end: str
    online: bool
    modes: list[Mode]
    place: str | None = None


class WeeklyBlock(Block):
    """Hours on one weekday. Monday is 0."""

    day: int


class Hours(Answer):
    """A provider's weekly hours."""

    example = {"version": 1, "blocks": [{"day": 0, **Block.example}]}

    version: int
    blocks: list[WeeklyBlock]


class SavedHours(Hours):
    """The saved hours, and the bookings that are now outside them."""

    example = {**Hours.example, "version": 2, "revision": "0.13", "bookings_outside": []}

    revision: str
    bookings_outside: list[str]


class NewOverride(Request):
    """Hours that replace the weekly ones on a date. Without blocks, the date is closed."""

    example = {
        "date": "2026-11-09",
        "blocks": [{"start": "10:00", "end": "14:00"}],
    }

    date: Date
    blocks: Annotated[tuple[NewBlock, ...], Field(max_length=_MOST_BLOCKS)]


class Override(Answer):
    """Hours that replace the weekly ones on a date."""

    example = {
        "id": examples.OVERRIDE_ID,
        "date": "2026-11-09",
        "blocks": [{**Block.example, "start": "10:00", "end": "14:00"}],
    }

    id: str
    date: DateText
    blocks: list[Block]


class SavedOverride(Override):
    """The saved override, and the bookings that are now outside the hours."""

    example = {**Override.example, "revision": "0.14", "bookings_outside": []}

    revision: str
    bookings_outside: list[str]


class OverridesQuery(Query):
    example = {"from": "2026-11-02"}

    from_: Date | None = Field(None, alias="from", description="The first date. Default: today.")


class Overrides(Answer):
    """Overrides by date."""

    example = {"overrides": [Override.example]}

    overrides: list[Override]
