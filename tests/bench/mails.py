"""Waiting until both emails of a booking have been sent."""

import threading
from types import TracebackType
from typing import Self

import psycopg

from attune_local.stack import Stack

_POLL = 0.03  # seconds
_PATIENCE = 60.0
_SENT = """
SELECT booking_id::text FROM notices
WHERE booking_id = ANY(%s::uuid[]) AND state = 'sent'
GROUP BY booking_id HAVING count(*) = 2
"""


class Mails:
    """Queries the database of notifications at a steady rate, whether or not anybody waits, so the
    CPU time of these queries is part of the idle time."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.postgres_url}/notifications"
        self._awaited: dict[str, threading.Event] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="mails", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self, booking_id: str) -> None:
        """Wait until client and provider have got their emails."""
        sent = self._awaited[booking_id] = threading.Event()
        assert sent.wait(_PATIENCE), "the emails of a booking were not sent"

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:  # as superuser
            while not self._stop.wait(_POLL):
                for (booking_id,) in connection.execute(_SENT, [list(self._awaited)]):
                    self._awaited.pop(booking_id).set()
