"""Weekly hours and overrides."""

from typing import Annotated

from pydantic import Field

from gateway.openapi.types import (
    Answer,
    Date,
    DateText,
    Id,
    Integer,
    Mode,
    Query,
    Request,
    Version,
    text_like,
)

_MOST_BLOCKS = 15
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
    """A whole week, which replaces the present one."""

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
    """The hours of one date, which replace the weekly ones; without blocks, the date is closed."""

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
