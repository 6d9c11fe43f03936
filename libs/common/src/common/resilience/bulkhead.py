"""Threads are shared by all that a process does; a bulkhead keeps one dependency that is slow or
silent from having them all (spec PF-13)."""

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterator

from common.errors import Unavailable
from common.resilience import deadline

TURN = 1.0
"""Seconds that somebody waits for a place."""
_TRY = 1.0  # seconds until what is silent is tried again


class Bulkhead:
    """So many at once; whoever comes then waits for a place in turn, at most `queue` of them and
    for `turn` seconds. When somebody has waited in vain, nobody does until a place is left.

    While a dependency is silent one call a second finds out whether it answers again; all others
    fail at once.
    """

    def __init__(self, most: int, queue: int = 1_000, turn: float = TURN) -> None:
        self._most = most
        self._longest = queue
        self._turn_seconds = turn
        self._lock = threading.Lock()
        self._inside = 0
        self._queue: deque[threading.Event] = deque()
        self._stuck = False
        self._answered_at = -math.inf
        self._silent = False
        self._try_at = 0.0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place inside the block; raises Unavailable."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def silent(self, since: float) -> None:
        """What it was asked at that moment, by `time.monotonic`, it did not answer in time; if it
        has not answered anything else meanwhile, it is silent."""
        with self._lock:
            if self._answered_at < since:
                self._silent, self._try_at = True, time.monotonic() + _TRY

    def answered(self) -> None:
        """It answered, whatever it was."""
        self._answered_at = time.monotonic()
        self._silent = False

    def enter(self) -> None:
        """Take a place, which must be left; raises Unavailable."""
        with self._lock:
            if self._is_closed():
                raise Unavailable
            if self._inside < self._most and not self._queue:
                self._inside += 1
                return
            if self._silent or self._stuck or len(self._queue) >= self._longest:
                raise Unavailable
            turn = threading.Event()
            self._queue.append(turn)
        if turn.wait(deadline.remaining(self._turn_seconds)):
            return
        with self._lock:
            if turn.is_set():
                return
            self._queue.remove(turn)
            self._stuck = True
        raise Unavailable

    def _is_closed(self) -> bool:
        if not self._silent:
            return False
        if (now := time.monotonic()) < self._try_at:
            return True
        self._try_at = now + _TRY
        return False

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._stuck = False
            if self._queue:
                self._queue.popleft().set()  # the place goes on to whoever waits longest
            else:
                self._inside -= 1
