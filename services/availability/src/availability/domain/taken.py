"""Taken time of one resource: bookings, holds, offers, time off, and external busy time."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Taken(NamedTuple):
    """An interval `[start, end)` in minutes of UTC since 1970, its own buffers included.

    `ref` identifies the booking or hold that takes the time.
    """

    start: int
    end: int
    ref: str


class Repeating(Protocol):
    """Taken time that recurs, perhaps without end (AV-8)."""

    def between(self, first: int, end: int) -> Iterable[tuple[int, int]]:
        """Return at least the occurrences that overlap `[first, end)`, in minutes since 1970."""


class TakenTime:
    """The taken time of one provider or physical room."""

    def __init__(self) -> None:
        self._single: dict[str, Taken] = {}
        self._series: dict[str, Repeating] = {}
        self._in_order: list[Taken] = []
        self._longest = 0

    def singles(self) -> int:
        """Return the number of single intervals."""
        return len(self._single)

    def put(self, taken: Taken) -> None:
        """Add an interval with a `ref` that is not in use."""
        self._single[taken.ref] = taken
        insort(self._in_order, taken)
        self._longest = max(self._longest, taken.end - taken.start)

    def put_series(self, ref: str, series: Repeating) -> None:
        """Add a series with a `ref` that is not in use."""
        self._series[ref] = series

    def get(self, ref: str) -> Taken | Repeating | None:
        """Return the interval or series with that `ref`, or None."""
        return self._single.get(ref) or self._series.get(ref)

    def drop(self, ref: str) -> None:
        """Remove the interval or series with that `ref`, if there is one."""
        self._series.pop(ref, None)
        taken = self._single.pop(ref, None)
        if taken is not None:
            del self._in_order[bisect_left(self._in_order, taken)]

    def between(self, first: int, end: int) -> list[Taken]:
        """Return the intervals that overlap `[first, end)`, in no particular order. Empty intervals
        overlap nothing."""
        found = []
        # Nothing that starts earlier than the longest interval before `first` can reach it.
        for at in range(bisect_left(self._in_order, (first - self._longest,)), len(self._in_order)):
            taken = self._in_order[at]
            if taken.start >= end:
                break
            found.append(taken)
        for ref, series in self._series.items():
            found += [Taken(start, stop, ref) for start, stop in series.between(first, end)]
        return [t for t in found if t.start < t.end and t.start < end and first < t.end]
