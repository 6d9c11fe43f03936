"""Instants, and a clock that tests move."""

from datetime import UTC, datetime, timedelta


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    def __init__(self, now: datetime) -> None:
        self.present = now

    def now(self) -> datetime:
        return self.present

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self.present += by


def utc(text: str) -> datetime:
    """Return the instant of a text in UTC, such as `2026-11-02 14:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
