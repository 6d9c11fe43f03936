"""One provider's free starts, kept in arrays that are patched as time is taken and released."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from zoneinfo import ZoneInfo

from availability.domain.hours import Hours, Override, WeeklyBlock
from availability.domain.slots import Shape, free, openings
from availability.domain.taken import Repeating, Taken, TakenTime
from availability.domain.wallclock import DAY, Span, merged

CHUNK = 64 * DAY
"""Minutes that one array covers, from a multiple of itself: passing time moves no boundary."""

_ARRAY, _TAKEN = 150, 270  # bytes of an array without its starts, and of an interval
_OVERRIDE, _BLOCK = 200, 200  # bytes of an override without its blocks, and of a block
_MOST_BYTES = 1_600_000  # of all arrays: 64 of a client who may start every five minutes

END_OF_TIME = 2**32 - 1
"""The last minute since 1970 that an array can hold: the year 10136."""


@dataclass(frozen=True)
class Standing:
    """How one start relates to the hours and to taken time, whether it is free or not (SL-7)."""

    inside: bool
    """The session lies in hours that serve its mode."""
    online: bool
    """The session lies in hours that the caller may book: for clients, online ones."""
    on_grid: bool
    """The start is on the grid of those hours."""
    taken: tuple[Taken, ...]
    """The taken time that overlaps the session, of the provider or of the room."""
    room: int | None
    """The physical room, by resource number, that the session would take."""


class Timetable:
    """The hours and taken time of one provider, and the free starts (SL-1 to SL-3, SL-9).

    All minutes are whole minutes of UTC since 1970. Arrays are never changed, only replaced, so
    readers may keep them. Safe to use from many threads.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        weekly: Iterable[WeeklyBlock],
        overrides: Iterable[Override] = (),
        *,
        provider: int = 0,
        max_chunks: int = 1024,
    ) -> None:
        """`provider` is the provider's resource number; `max_chunks` bounds the arrays.

        A search that finds little goes through ten years, 58 arrays of few bytes for each shape.
        Those of many shapes have to fit, or the searches would evict each other's.
        """
        self.provider = provider
        self._hours = Hours(zone, weekly, overrides)
        self._taken: dict[int, TakenTime] = {}
        self._chunks: OrderedDict[tuple[Shape, int], array[int]] = OrderedDict()
        self._max_chunks = max_chunks
        self._lock = Lock()
        self._size = self._hours_size = self._hours.count_overrides(_OVERRIDE, _BLOCK)
        self._arrays_size = 0
        self._grown: Callable[[int], None] = _ignore

    def weigh(self, grown: Callable[[int], None] | None) -> int:
        """Return about how many bytes the arrays, the taken time, and the overrides hold.

        From now on every change of that number is passed to `grown`, which must not call the
        timetable; None ends this.
        """
        with self._lock:
            self._grown = grown or _ignore
            return self._size

    @property
    def resources(self) -> frozenset[int]:
        """The resources whose taken time bars starts: the provider and the rooms of the hours."""
        return self._hours.rooms | {self.provider}

    def starts(self, shape: Shape, first: int, end: int) -> memoryview:
        """Return the free starts in `[first, end)`, ascending, as a view of unsigned 32-bit
        integers."""
        numbers = _chunk_numbers(first, end)
        with self._lock:
            if len(numbers) == 1:
                starts = self._chunk(shape, numbers[0])
                return memoryview(starts)[bisect_left(starts, first) : bisect_left(starts, end)]
            joined = array("I")
            for number in numbers:
                starts = self._chunk(shape, number)
                joined += starts[bisect_left(starts, first) : bisect_left(starts, end)]
            return memoryview(joined)

    def first_starts(self, shape: Shape, first: int, end: int, count: int) -> list[int]:
        """Return the first `count` free starts in `[first, end)`, ascending (SL-4)."""
        found: list[int] = []
        for number in _chunk_numbers(first, end):
            if len(found) >= count:
                break
            found += self.starts(shape, *_window(number, first, end))[: count - len(found)]
        return found

    def last_starts(self, shape: Shape, first: int, end: int, count: int) -> list[int]:
        """Return the last `count` free starts in `[first, end)`, ascending."""
        found: list[int] = []
        for number in reversed(_chunk_numbers(first, end)):
            if len(found) >= count:
                break
            found[:0] = self.starts(shape, *_window(number, first, end))[len(found) - count :]
        return found

    def nearest_starts(
        self, shape: Shape, around: int, first: int, end: int, count: int
    ) -> list[int]:
        """Return the `count` free starts in `[first, end)` nearest to `around`, ascending.

        Of two that are equally near the earlier one wins.
        """
        near = self.last_starts(shape, first, min(around, end), count)
        near += self.first_starts(shape, max(around, first), end, count)
        return sorted(sorted(near, key=lambda start: abs(start - around))[:count])

    def standing(self, shape: Shape, start: int) -> Standing:
        """Return how a start relates to hours and to taken time (SL-7)."""
        with self._lock:
            possible = openings(self._hours, shape, start, start + 1)
            fitting = [each for each in possible if each.fits(start)]
            on_grid = [each for each in fitting if any(each.grids(start, start + 1))]
            # The rooms in which the session fits; without any, only the provider's own time counts.
            rooms = [each.room for each in on_grid or fitting] or [None]
            taken = {room: self._overlapping(room, shape.needs(start)) for room in rooms}
            room = min(rooms, key=lambda each: len(taken[each]))
            inside = bool(fitting) or self._inside_offline(shape, start)
            return Standing(inside, bool(fitting), bool(on_grid), tuple(taken[room]), room)

    def take(self, ref: str, resource: int, start: int, end: int) -> None:
        """Take `[start, end)` of a provider or room, in place of what `ref` took of it before.

        The interval includes its buffers. An empty one takes nothing. Time of a resource that is
        not among `resources` is kept for hours that may come to need the resource.
        """
        with self._lock:
            of_resource = self._taken.setdefault(resource, TakenTime())
            before, now = of_resource.get(ref), Taken(start, end, ref)
            if before == now:
                return
            self._forget(ref, resource)
            of_resource.put(now)
            self._grow(_TAKEN)
            self._patch(resource, start, end)

    def take_series(self, ref: str, resource: int, series: Repeating) -> None:
        """Take all occurrences of a series, in place of what `ref` took of the resource before."""
        with self._lock:
            of_resource = self._taken.setdefault(resource, TakenTime())
            self._forget(ref, resource)
            of_resource.put_series(ref, series)
            self._clear()

    def release(self, ref: str, resource: int) -> None:
        """Release what `ref` took of the resource, if anything."""
        with self._lock:
            self._forget(ref, resource)

    def replace_taken(self, resource: int, taken: Mapping[str, tuple[int, int]]) -> None:
        """Replace all taken time of the resource with these intervals, by `ref`."""
        with self._lock:
            before = self._taken.get(resource, TakenTime()).singles()
            of_resource = self._taken[resource] = TakenTime()
            for ref, (start, end) in taken.items():
                of_resource.put(Taken(start, end, ref))
            self._grow(_TAKEN * (of_resource.singles() - before))
            self._clear()

    def replace_hours(
        self, zone: ZoneInfo, weekly: Iterable[WeeklyBlock], overrides: Iterable[Override] = ()
    ) -> None:
        """Replace all hours; taken time stays (AV-2)."""
        hours = Hours(zone, weekly, overrides)
        with self._lock:
            self._hours = hours
            before, self._hours_size = self._hours_size, hours.count_overrides(_OVERRIDE, _BLOCK)
            self._grow(self._hours_size - before)
            self._clear()

    def _forget(self, ref: str, resource: int) -> None:
        of_resource = self._taken.get(resource)
        before = of_resource.get(ref) if of_resource else None
        if of_resource is None or before is None:
            return
        of_resource.drop(ref)
        if isinstance(before, Taken):
            self._grow(-_TAKEN)
            self._patch(resource, before.start, before.end)
        else:
            self._clear()

    def _grow(self, by: int) -> None:
        self._size += by
        self._grown(by)

    def _grow_arrays(self, by: int) -> None:
        self._arrays_size += by
        self._grow(by)

    def _clear(self) -> None:
        self._grow_arrays(-self._arrays_size)
        self._chunks.clear()

    def _chunk(self, shape: Shape, number: int) -> "array[int]":
        key = shape, number
        starts = self._chunks.get(key)
        if starts is None:
            starts = self._free(shape, number * CHUNK, (number + 1) * CHUNK)
            self._chunks[key] = starts
            self._grow_arrays(_bytes(starts))
            while len(self._chunks) > 1 and (
                len(self._chunks) > self._max_chunks or self._arrays_size > _MOST_BYTES
            ):
                self._grow_arrays(-_bytes(self._chunks.popitem(last=False)[1]))
        else:
            self._chunks.move_to_end(key)
        return starts

    def _patch(self, resource: int, start: int, end: int) -> None:
        """Compute again every start that time taken from `start` to `end` can bar."""
        if start >= end or resource not in self.resources:
            return
        for key, starts in self._chunks.items():
            shape, number = key
            window = _window(number, *shape.barred(start, end))
            if window.start < window.end:
                before = starts[: bisect_left(starts, window.start)]
                after = starts[bisect_left(starts, window.end) :]
                self._chunks[key] = before + self._free(shape, *window) + after
                self._grow_arrays(_bytes(self._chunks[key]) - _bytes(starts))

    def _free(self, shape: Shape, first: int, end: int) -> "array[int]":
        found: set[int] = set()
        for opening in openings(self._hours, shape, first, end):
            barred = self._barred(shape, opening.room, Span(first, end))
            for part in free(opening.grids(first, end), barred):
                found.update(part)
        return array("I", sorted(found))

    def _inside_offline(self, shape: Shape, start: int) -> bool:
        anyhow = replace(shape, online=False)
        return any(each.fits(start) for each in openings(self._hours, anyhow, start, start + 1))

    def _barred(self, shape: Shape, room: int | None, starts: Span) -> list[Span]:
        needed = Span(shape.needs(starts.start).start, shape.needs(starts.end).end)
        return merged(shape.barred(t.start, t.end) for t in self._overlapping(room, needed))

    def _overlapping(self, room: int | None, span: Span) -> list[Taken]:
        resources = {self.provider} if room is None else {self.provider, room}
        taken = [self._taken[each].between(*span) for each in resources if each in self._taken]
        return sorted(t for of_resource in taken for t in of_resource)


def _bytes(starts: "array[int]") -> int:
    return _ARRAY + starts.itemsize * len(starts)


def _ignore(_by: int) -> None:
    pass


def _chunk_numbers(first: int, end: int) -> range:
    """Return the numbers of the chunks in which the minutes `[first, end)` lie."""
    first, end = max(first, 0), min(end, END_OF_TIME)
    return range(first // CHUNK, -(-end // CHUNK)) if first < end else range(0)


def _window(number: int, first: int, end: int) -> Span:
    """Return the part of the minutes `[first, end)` that lies in that chunk."""
    return Span(max(first, number * CHUNK), min(end, (number + 1) * CHUNK))
