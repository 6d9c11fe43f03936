"""The time left for the call being handled; it reaches outgoing calls and SQL (spec PF-13)."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
LONGEST = 30.0  # seconds, where the caller set no limit
CALL = 2.0  # seconds for a call to another service, unless less is left of the caller's own


def begin(seconds: float | None) -> None:
    """The call now being handled must end within so many seconds."""
    _deadline.set(time.monotonic() + (LONGEST if seconds is None else min(seconds, LONGEST)))


def clear() -> None:
    """No call is being handled."""
    _deadline.set(None)


def remaining(limit: float = LONGEST) -> float:
    """Seconds left, at most `limit`, at least a hundredth."""
    deadline = _deadline.get()
    if deadline is None:
        return limit
    return max(0.01, min(limit, deadline - time.monotonic()))


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Calls made inside must end within so many seconds, if not earlier."""
    before = _deadline.set(time.monotonic() + remaining(seconds))
    try:
        yield
    finally:
        _deadline.reset(before)
