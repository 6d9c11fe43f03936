"""The deadline of the call being handled, which limits outgoing calls and SQL (spec PF-13)."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
LONGEST = 30.0
"""Seconds for a call whose caller set no deadline, and the most that any call gets."""
CALL = 2.0
"""Seconds for a call to another service, unless less time is left for the current call."""


def begin(seconds: float | None) -> None:
    """Set the deadline of the current call, `seconds` from now; None means LONGEST."""
    _deadline.set(time.monotonic() + (LONGEST if seconds is None else min(seconds, LONGEST)))


def clear() -> None:
    """Remove the deadline, since no call is being handled."""
    _deadline.set(None)


def remaining(limit: float = LONGEST) -> float:
    """Return the seconds left for the current call: at most `limit`, at least 0.01."""
    deadline = _deadline.get()
    if deadline is None:
        return limit
    return max(0.01, min(limit, deadline - time.monotonic()))


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Shorten the deadline to `seconds` during the block, unless it is earlier already."""
    before = _deadline.set(time.monotonic() + remaining(seconds))
    try:
        yield
    finally:
        _deadline.reset(before)
