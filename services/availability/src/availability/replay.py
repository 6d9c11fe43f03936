"""Recomputes a slot search from its exported case: `python -m availability.replay CASE.json`.

The answer is `{"starts": [...]}`, in UTC and ascending; a file `{"cases": [...]}` gives one answer
a line (SL-11). A case that cannot be read gives one line on standard error and exit code 2.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from availability.domain.hours import Block, EndNotAfterStart, Override, WeeklyBlock, parse_time
from availability.domain.slots import Shape
from availability.domain.timetable import Timetable
from availability.domain.wallclock import DAY, Span
from common.errors import Invalid
from common.zones import zone

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK = 7 * DAY
_PROVIDER = 0


class BadCase(Invalid):
    """This case can't be read."""


@dataclass(frozen=True)
class Case:
    """One search; `first`, `end` and `busy` are in minutes of UTC since 1970."""

    zone: ZoneInfo
    weekly: Sequence[WeeklyBlock]
    overrides: Sequence[Override]
    busy: Sequence[Span]
    shape: Shape
    first: int
    end: int


def starts(case: Case) -> list[int]:
    """Return the answer of the search, in minutes of UTC since 1970, ascending."""
    timetable = Timetable(case.zone, case.weekly, case.overrides, provider=_PROVIDER)
    for number, span in enumerate(case.busy):
        timetable.take(f"busy[{number}]", _PROVIDER, *span)
    return timetable.starts(case.shape, case.first, case.end).tolist()


class Value(NamedTuple):
    """A value of the file, with its path for error messages."""

    value: object
    path: str

    def at(self, key: str) -> "Value":
        """Return the member with that name; its value is None if it is missing."""
        if not isinstance(self.value, Mapping):
            raise BadCase("is not an object", field=self.path)
        return Value(self.value.get(key), f"{self.path}.{key}" if self.path else key)

    def each(self) -> Iterator["Value"]:
        """Yield the elements of an array, or none if it is missing."""
        if not isinstance(self.value, list | None):
            raise BadCase("is not an array", field=self.path)
        for index, element in enumerate(self.value or ()):
            yield Value(element, f"{self.path}[{index}]")

    def text(self) -> str:
        """Return the value as text, which may not be missing."""
        if not isinstance(self.value, str):
            raise BadCase("is missing" if self.value is None else "is not text", field=self.path)
        return self.value

    def number(self, least: int, most: int | None = None, default: int | None = None) -> int:
        """Return a whole number within bounds, or the default if the value is missing."""
        number = default if self.value is None else self.value
        if not isinstance(number, int) or isinstance(number, bool):
            raise BadCase("is missing" if number is None else "is no whole number", field=self.path)
        if number < least or (most is not None and number > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            raise BadCase(f"is {number}, but should be {bounds}", field=self.path)
        return number

    def day(self) -> date:
        """Return the value as a date, written YYYY-MM-DD."""
        try:
            return date.fromisoformat(_matched(_DATE, self.text())[0])
        except ValueError:
            raise BadCase("is not a date YYYY-MM-DD", field=self.path) from None

    def instant(self) -> Fraction:
        """Return the instant in minutes of UTC since 1970, exactly: fractions of a minute count."""
        try:
            match = _matched(_INSTANT, self.text())
            whole = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[4].upper()}")
        except ValueError:
            raise BadCase(
                "is not an instant such as 2026-11-02T14:00:00Z", field=self.path
            ) from None
        seconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // datetime.resolution // 1_000_000
        return (seconds + Fraction(f"0{match[3] or ''}")) / 60


def read(file: Value) -> list[Case]:
    """Return the cases of a file: the file itself, or those that it lists under `cases`."""
    cases = file.at("cases")
    if cases.value is None:
        return [read_case(file)]
    return [read_case(case) for case in cases.each()]


def read_case(case: Value) -> Case:
    """Return one case. Raises an Invalid that names the field."""
    earliest = case.at("now").instant() + case.at("min_notice_min").number(0, default=0)
    first, end = case.at("range_start").instant(), case.at("range_end").instant()
    if first < 0:
        raise BadCase("is before 1970", field=case.at("range_start").path)
    if end < first:
        raise BadCase("is before range_start", field=case.at("range_end").path)
    return Case(
        zone=zone(case.at("tz").text(), case.at("tz").path),
        weekly=_weekly(case.at("weekly_hours")),
        overrides=[_override(each) for each in case.at("date_overrides").each()],
        busy=list(_busy(case.at("busy"))),
        shape=_shape(case),
        first=ceil(max(first, earliest)),
        end=ceil(end),
    )


def _weekly(hours: Value) -> list[WeeklyBlock]:
    return [
        WeeklyBlock(block.start, block.end, day=day.number(0, 6))
        for each in hours.each()
        for block in [_block(each)]
        for day in each.at("days").each()
    ]


def _override(override: Value) -> Override:
    blocks = tuple(_block(each) for each in override.at("hours").each())
    return Override(override.at("date").day(), blocks)


def _block(hours: Value) -> Block:
    start, end = hours.at("start"), hours.at("end")
    block = Block(parse_time(start.text(), start.path), parse_time(end.text(), end.path))
    if block.end <= block.start:
        raise EndNotAfterStart("is not after the start", field=end.path)
    return block


def _busy(busy: Value) -> Iterator[Span]:
    for each in busy.each():
        start, end = each.at("start").instant(), each.at("end").instant()
        if end < start:
            raise BadCase("is before the start", field=each.at("end").path)
        # Sessions start and end on whole minutes, so rounding outwards changes no answer. Only an
        # empty interval must not grow.
        if start < end:
            yield Span(floor(start), ceil(end))


def _shape(case: Value) -> Shape:
    return Shape(
        duration=case.at("duration_min").number(1, _WEEK),
        step=case.at("step_min").number(1, _WEEK, default=15),
        buffer_before=case.at("buffer_before_min").number(0, _WEEK, default=0),
        buffer_after=case.at("buffer_after_min").number(0, _WEEK, default=0),
    )


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return match


def _printed(answer: Sequence[int]) -> str:
    instants = (datetime.fromtimestamp(start * 60, UTC) for start in answer)
    return json.dumps({"starts": [f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in instants]})


def main() -> int:
    """Print one answer a line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m availability.replay", description=__doc__)
    parser.add_argument("case", type=Path, help="a JSON file with one case, or with `cases`")
    path = parser.parse_args().case
    try:
        cases = read(Value(json.loads(path.read_text("utf-8-sig")), ""))
    except Invalid as error:
        sys.stderr.write(f"{path}: {error.field or 'the file'}: {error.message}\n")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{path}: {error}\n")
    else:
        for case in cases:
            print(_printed(starts(case)))
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
