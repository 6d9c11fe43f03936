"""Threads that must live as long as their process does."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between a failure of a thread's work and its next start."""
_PROBATION = 5.0  # seconds without a failure after which a thread counts as well again


class LastingThread:
    """A thread that restarts its work after any failure, until `over` is set.

    `work` returns only when `over` is set. Readiness asks `is_well`.
    """

    def __init__(
        self, name: str, work: Callable[[], None], over: threading.Event | None = None
    ) -> None:
        self._work = work
        self._over = over or threading.Event()
        self._fell_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the end of a thread that was started, for at most `timeout` seconds."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def is_well(self) -> bool:
        """Return whether the thread runs, and its work has not failed within the last seconds."""
        return self._thread.is_alive() and time.monotonic() - self._fell_at >= _PROBATION

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._work()
                if self._over.is_set():
                    return
                log.error("thread %s ended; restarting it", self._thread.name)
            except BaseException:  # whatever it is: nothing else would start the work again
                log.exception("thread %s failed; restarting it", self._thread.name)
            self._fell_at = time.monotonic()
            self._over.wait(PAUSE)
