"""Bulkheads: a slow or silent dependency cannot occupy all threads of a process (spec PF-13)."""

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterator

from common.errors import Unavailable
from common.resilience import deadline

MAX_WAIT = 1.0
"""Seconds that a caller waits for a permit."""
_TRY = 1.0  # seconds between attempts to reach a silent dependency


class Bulkhead:
    """A limit of `permits` concurrent calls to one dependency.

    Further callers, at most `queue`, wait in order for up to `max_wait` seconds. After one of them
    has waited in vain, further callers fail at once until a permit is released.

    While the dependency is silent, one call a second finds out whether it answers again, and all
    others fail at once.
    """

    def __init__(self, permits: int, queue: int = 1_000, max_wait: float = MAX_WAIT) -> None:
        self._permits = permits
        self._longest = queue
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._in_use = 0
        self._queue: deque[threading.Event] = deque()
        self._stuck = False
        self._answered_at = -math.inf
        self._silent = False
        self._try_at = 0.0

    @contextlib.contextmanager
    def permit(self) -> Iterator[None]:
        """Hold a permit during the block. Raises Unavailable if there is none in time."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    @property
    def usage(self) -> float:
        """The share of the permits that are in use, from 0 to 1."""
        return self._in_use / self._permits

    def silent(self, since: float) -> None:
        """Note that a call made at `since`, by `time.monotonic`, got no answer in time.

        The dependency counts as silent unless it has answered another call since.
        """
        with self._lock:
            if self._answered_at < since:
                self._silent, self._try_at = True, time.monotonic() + _TRY

    def answered(self) -> None:
        """Note that the dependency has answered a call, with whatever result."""
        self._answered_at = time.monotonic()
        self._silent = False

    def acquire(self) -> None:
        """Take a permit, which the caller must release. Raises Unavailable."""
        with self._lock:
            if self._is_closed():
                raise Unavailable
            if self._in_use < self._permits and not self._queue:
                self._in_use += 1
                return
            if self._silent or self._stuck or len(self._queue) >= self._longest:
                raise Unavailable
            granted = threading.Event()
            self._queue.append(granted)
        if granted.wait(deadline.remaining(self._max_wait)):
            return
        with self._lock:
            if granted.is_set():
                return
            self._queue.remove(granted)
            self._stuck = True
        raise Unavailable

    def _is_closed(self) -> bool:
        if not self._silent:
            return False
        if (now := time.monotonic()) < self._try_at:
            return True
        self._try_at = now + _TRY
        return False

    def release(self) -> None:
        """Give a permit back."""
        with self._lock:
            self._stuck = False
            if self._queue:
                self._queue.popleft().set()  # the permit passes to the longest-waiting caller
            else:
                self._in_use -= 1
