"""Weekly hours and overrides of single dates: validation, and when the provider is open."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from availability.domain.modes import ALL_MODES, Mode
from availability.domain.wallclock import DAY, dates_around, exists, instant, merged
from common.errors import Invalid

MAX_BLOCKS = 15
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class InvalidTime(Invalid):
    """Must be a time (HH:MM) from 00:00 to 23:59. An end can also be 24:00."""


class UnknownDay(Invalid):
    """Must be a weekday from 0 (Monday) to 6 (Sunday)."""


class TooManyBlocks(Invalid):
    """A day can have at most 15 blocks."""


class EndNotAfterStart(Invalid):
    """A block must end after it starts."""


class BlocksOverlap(Invalid):
    """Two blocks on the same day overlap."""


class NoModes(Invalid):
    """A block needs at least one mode."""


@dataclass(frozen=True)
class Block:
    """Open hours of one date, in minutes of the provider's wall clock: 0-1439 to 1-1440 (AV-3).

    Clients book only `online` blocks; `room` is the resource number of the physical room in
    which the block's in-person sessions take place.
    """

    start: int
    end: int
    online: bool = True
    modes: frozenset[Mode] = ALL_MODES
    room: int | None = None

    def serves(self, mode: Mode, online: bool) -> bool:
        """Return whether sessions of that mode may lie in the block; `online`: whether clients book
        them."""
        return mode in self.modes and (self.online or not online)


@dataclass(frozen=True, kw_only=True)
class WeeklyBlock(Block):
    """A block that recurs every week; `day` 0 is Monday (AV-1)."""

    day: int


@dataclass(frozen=True)
class Override:
    """The blocks that replace the weekly hours of one date. Without any it is closed (AV-6)."""

    date: date
    blocks: tuple[Block, ...] = ()


def parse_time(text: str, field: str) -> int:
    """Return the minutes since midnight of `HH:MM`, up to `24:00`. Raises InvalidTime."""
    match = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", text)
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY + 1
    if minute > DAY:
        raise InvalidTime(field=field)
    return minute


def format_time(minute: int) -> str:
    """Return minutes since midnight as `HH:MM`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def validate_week(blocks: Sequence[WeeklyBlock]) -> None:
    """Raise an Invalid that names the weekday and the block unless the week may be saved (AV-1).

    `field` has the position in `blocks`, counted from 0; the message has the number of the block
    within its day, counted from 1.
    """
    for index, block in enumerate(blocks):
        if not 0 <= block.day <= 6:
            raise UnknownDay(field=f"blocks[{index}].day")
    for day, name in enumerate(DAYS):
        _validate_day(name, [(at, block) for at, block in enumerate(blocks) if block.day == day])


def validate_override(override: Override) -> None:
    """Raise an Invalid that names date and block unless the override may be saved (AV-6)."""
    _validate_day(override.date.isoformat(), list(enumerate(override.blocks)))


class _Numbered(NamedTuple):
    """A block, its name within its day, and its field in the request."""

    block: Block
    name: str
    field: str


def _validate_day(day: str, blocks: Sequence[tuple[int, Block]]) -> None:
    numbered = [
        _Numbered(block, f"{day}, block {number}", f"blocks[{index}]")
        for number, (index, block) in enumerate(blocks, start=1)
    ]
    if len(numbered) > MAX_BLOCKS:
        first_beyond = numbered[MAX_BLOCKS]
        message = f"{first_beyond.name}: a day has at most {MAX_BLOCKS} blocks."
        raise TooManyBlocks(message, field=first_beyond.field)
    for each in numbered:
        _validate_block(each)
    for earlier, later in pairwise(sorted(numbered, key=lambda each: each.block.start)):
        if later.block.start < earlier.block.end:
            message = f"{later.name}: {_text(later)} overlaps {_text(earlier)} ({earlier.name})."
            raise BlocksOverlap(message, field=f"{later.field}.start")


def _validate_block(each: _Numbered) -> None:
    block = each.block
    if not 0 <= block.start < DAY:
        raise InvalidTime(f"{each.name}: it starts at no time of day.", field=f"{each.field}.start")
    if block.end > DAY:
        raise InvalidTime(f"{each.name}: it ends at no time of day.", field=f"{each.field}.end")
    if block.end <= block.start:
        message = f"{each.name}: the end of {_text(each)} is not after its start.{_hint(block)}"
        raise EndNotAfterStart(message, field=f"{each.field}.end")
    if not block.modes:
        raise NoModes(f"{each.name}: it serves no mode.", field=f"{each.field}.modes")


def _hint(block: Block) -> str:
    """Return a hint for a block that ends before it starts: the times that were probably meant."""
    if block.end == 0:
        return " For midnight at the end of the day, enter 24:00."
    if block.end < block.start:
        return (
            " A block cannot cross midnight: end it at 24:00, and start one at 00:00 the next day."
        )
    return ""


def _text(each: _Numbered) -> str:
    return f"{format_time(each.block.start)} to {format_time(each.block.end)}"


class Run(NamedTuple):
    """Touching blocks of one date, in minutes of UTC since 1970. Each run has its grid (SL-2).

    `room` is set where a session is bound to one physical room.
    """

    start: int
    end: int
    room: int | None


class Hours:
    """The open hours of one provider, expanded from wall clock to UTC on demand (AV-5)."""

    def __init__(
        self, zone: ZoneInfo, weekly: Iterable[WeeklyBlock], overrides: Iterable[Override] = ()
    ) -> None:
        """Blocks may be unsorted and overlap; of two overrides of one date the last counts."""
        blocks = list(weekly)
        self.zone = zone
        self._week = tuple(tuple(b for b in blocks if b.day == day) for day in range(7))
        self._overrides = {override.date: override.blocks for override in overrides}

    @property
    def rooms(self) -> frozenset[int]:
        """The resource numbers of the physical rooms of all blocks."""
        days = (*self._week, *self._overrides.values())
        return frozenset(b.room for blocks in days for b in blocks if b.room is not None)

    def count_overrides(self, each: int, of_block: int) -> int:
        """Return the sum of `each` for every override and `of_block` for every of their blocks."""
        blocks = sum(map(len, self._overrides.values()))
        return each * len(self._overrides) + of_block * blocks

    def blocks_on(self, day: date) -> Sequence[Block]:
        """Return the blocks of a local date: its override's, else its weekday's (AV-6)."""
        return self._overrides.get(day, self._week[day.weekday()])

    def runs_on(self, day: date, mode: Mode, online: bool) -> list[Run]:
        """Return the runs of a local date for sessions of a mode, only online ones if `online`.

        In person, blocks of different rooms stay apart: a session does not change rooms.
        """
        spans: dict[int | None, list[tuple[int, int]]] = {}
        for block in self.blocks_on(day):
            if block.serves(mode, online):
                start = instant(self.zone, day, block.start)
                end = instant(self.zone, day, block.end)
                # Around the spring gap an end can come to lie before its start.
                if start < end:
                    room = block.room if mode is Mode.IN_PERSON else None
                    spans.setdefault(room, []).append((start, end))
        if not spans or not exists(self.zone, day):
            return []
        return [Run(*span, room) for room, of_room in spans.items() for span in merged(of_room)]

    def runs_between(self, first: int, end: int, mode: Mode, online: bool) -> Iterator[Run]:
        """Yield at least every run that touches the minutes `[first, end)` of UTC since 1970."""
        for day in dates_around(first, end):
            yield from self.runs_on(day, mode, online)
