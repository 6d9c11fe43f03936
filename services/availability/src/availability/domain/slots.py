"""Slots: starts on the grid of open hours whose sessions overlap no taken time (SL-1 to SL-3)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from availability.domain.hours import Hours, Run
from availability.domain.modes import Mode
from availability.domain.wallclock import Span, merged
from common.errors import Invalid


class ImpossibleShape(Invalid):
    """A session and its steps must last at least a minute, and buffers can't be negative."""


@dataclass(frozen=True)
class Shape:
    """All that decides the slots of a search apart from the provider; in minutes.

    `online` is set for clients, who book only blocks that are online, and not for staff.
    """

    duration: int
    step: int = 15
    buffer_before: int = 0
    buffer_after: int = 0
    mode: Mode = Mode.TELEHEALTH
    online: bool = True
    # Every search looks the shape up in a dictionary, so the hash is computed once.
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        least = {"duration": 1, "step": 1, "buffer_before": 0, "buffer_after": 0}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ImpossibleShape(field=name)
        numbers = self.duration, self.step, self.buffer_before, self.buffer_after
        object.__setattr__(self, "_hash", hash((numbers, self.mode, self.online)))

    def __hash__(self) -> int:
        return self._hash

    def needs(self, start: int) -> Span:
        """Return the time that a session at that start takes, buffers included."""
        return Span(start - self.buffer_before, start + self.duration + self.buffer_after)

    def barred(self, start: int, end: int) -> Span:
        """Return the starts at which a session would overlap time taken from `start` to `end`."""
        return Span(start - self.duration - self.buffer_after + 1, end + self.buffer_before)


class Opening:
    """The open hours around some minutes for sessions of a shape; in person, those of one room."""

    def __init__(self, shape: Shape, room: int | None, runs: Sequence[Run]) -> None:
        self.room = room
        self._shape = shape
        self._runs = runs
        self._stretches = merged((run.start, run.end) for run in runs)

    def fits(self, start: int) -> bool:
        """Return whether a session at that start fits in open hours, on the grid or not."""
        return start + self._shape.duration <= self._open_until(start)

    def grids(self, first: int, end: int) -> Iterator[range]:
        """Yield, for each run, the starts in `[first, end)` at which a session fits."""
        for run in self._runs:
            last = self._open_until(run.start) - self._shape.duration
            grid = range(run.start, min(run.end, last + 1, end), self._shape.step)
            yield grid[bisect_left(grid, first) :]

    def _open_until(self, minute: int) -> int:
        """Return the end of the open stretch at a minute, or the minute if it is in no stretch."""
        at = bisect_right(self._stretches, minute, key=lambda stretch: stretch.start) - 1
        return max(self._stretches[at].end, minute) if at >= 0 else minute


def openings(hours: Hours, shape: Shape, first: int, end: int) -> list[Opening]:
    """Return the openings for sessions that start in `[first, end)`, in minutes since 1970."""
    by_room: dict[int | None, list[Run]] = {}
    for run in hours.runs_between(first, end + shape.duration, shape.mode, shape.online):
        by_room.setdefault(run.room, []).append(run)
    return [Opening(shape, room, runs) for room, runs in by_room.items()]


def free(grids: Iterable[range], barred: Sequence[Span]) -> Iterator[range]:
    """Yield the parts of the grids outside `barred`, whose spans are disjoint and in order."""
    for grid in grids:
        rest = grid
        at = bisect_right(barred, grid.start, key=lambda span: span.end)
        while rest and at < len(barred) and barred[at].start <= rest[-1]:
            yield rest[: bisect_left(rest, barred[at].start)]
            rest = rest[bisect_left(rest, barred[at].end) :]
            at += 1
        yield rest
