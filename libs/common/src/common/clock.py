"""The clock: the machine's, or one that a file shifts for tests and rehearsals (spec PF-6)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Returns the present instant in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """The machine's clock plus the seconds written in a file, read at every call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        try:
            seconds = float(self._path.read_text() or 0)
        except FileNotFoundError:
            seconds = 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)


def clock(path: str) -> Clock:
    """Return the clock for a value of CLOCK_FILE: the machine's clock if `path` is empty."""
    return ShiftedClock(Path(path)) if path else SystemClock()
