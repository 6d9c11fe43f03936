"""Waiting for what happens in other threads and processes."""

import functools
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_TICK = 0.02  # seconds between two readings of the clock
_LONGEST_TICK = 0.1  # seconds that count at most between two readings
_POLL = 0.02  # seconds between two checks of a condition

Answer = TypeVar("Answer")


class _SteadyClock(threading.Thread):
    """Counts the seconds in which this process ran."""

    def __init__(self) -> None:
        super().__init__(name="steady", daemon=True)
        self.seconds = 0.0
        self.start()

    def run(self) -> None:
        last = time.monotonic()
        while True:
            time.sleep(_TICK)
            now = time.monotonic()
            self.seconds += min(now - last, _LONGEST_TICK)
            last = now


@functools.cache
def _clock() -> _SteadyClock:
    return _SteadyClock()


def steady() -> float:
    """Return seconds like `time.monotonic`, not counting time in which the machine stood still.

    A pause of a virtual machine, or a lack of processors, therefore makes no test fail.
    """
    return _clock().seconds


def until(
    ask: Callable[[], Answer], enough: Callable[[Answer], object] = bool, seconds: float = 60
) -> Answer:
    """Call `ask` until its answer is enough, by default until it is true; return the answer.

    Fails with the last answer after `seconds`, by the steady clock.
    """
    end = steady() + seconds
    while not enough(answer := ask()):
        assert steady() < end, f"this did not happen in time; the last answer is {answer!r}"
        time.sleep(_POLL)
    return answer
