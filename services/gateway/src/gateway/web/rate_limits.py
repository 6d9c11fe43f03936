"""Rate limits (spec GW-14).

All requests are counted in each process, so that a search never waits for a database. Writes and
sign-ins are counted in PostgreSQL, so that their limits hold across replicas.
"""

import re
import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Response, current_app, g
from sqlalchemy import text
from sqlalchemy.orm import Session

from common.clock import Clock
from common.config import Misconfigured
from common.db import encryption
from common.db.database import EVERY_PRACTICE, Database
from common.errors import TooMany
from common.rpc import identity
from gateway.settings import Settings
from gateway.web import addresses
from gateway.web.problems import WithMembers

_MOST_CALLERS = 50_000
_TIDY_EVERY = timedelta(minutes=10)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_LIMIT = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(_SECONDS)})")


class TooManyRequests(TooMany):
    """Too many requests. Wait, then try again."""


class Limit(NamedTuple):
    """At most `most` requests in `length`."""

    most: int
    length: timedelta


class Count(NamedTuple):
    """The use of one limit, and when counting restarts."""

    most: int
    used: int
    ends_at: datetime


_COUNT = text(
    """
    INSERT INTO rate_limits AS r (key, count, ends_at)
    VALUES (:key, 1, :ends_at)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN r.ends_at > :now AND r.ends_at <= :latest THEN r.count + 1 ELSE 1 END,
        ends_at = CASE WHEN r.ends_at > :now AND r.ends_at <= :latest THEN r.ends_at
            ELSE :ends_at END
    RETURNING count AS used, ends_at
    """
)


# This transaction holds counts that others wait for, so it must wait for none of theirs.
_TIDY = text(
    """
    DELETE FROM rate_limits WHERE key IN (
        SELECT key FROM rate_limits WHERE ends_at < :now FOR UPDATE SKIP LOCKED)
    """
)


class Limiter:
    """Counts by kind (`writes`) and by caller (an address or an account)."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._limits = {
            "requests": parse("LIMIT_REQUESTS", settings.limit_requests),
            "writes": parse("LIMIT_WRITES", settings.limit_writes),
            "public_writes": parse("LIMIT_PUBLIC_WRITES", settings.limit_public_writes),
            "sign_ins": parse("LIMIT_SIGN_INS", settings.limit_sign_ins),
        }
        self._callers: dict[tuple[str, timedelta], tuple[int, datetime]] = {}
        self._lock = threading.Lock()
        self._tidied = clock.now()

    def count_request(self, caller: str) -> None:
        """Count any request, in this process. Raises TooManyRequests."""
        now = self._clock.now()
        counts = []
        with self._lock:
            if len(self._callers) >= _MOST_CALLERS:
                # Counts that have ended go first; if that is not enough, the oldest ones follow.
                live = [(k, v) for k, v in self._callers.items() if v[1] > now]
                self._callers = dict(live[-_MOST_CALLERS // 2 :])
            for limit in self._limits["requests"]:
                key = caller, limit.length
                used, ends_at = self._callers.get(key, (0, now))
                if not now < ends_at <= _latest(limit, now):
                    used, ends_at = 0, now + limit.length
                self._callers[key] = used + 1, ends_at
                counts.append(Count(limit.most, used + 1, ends_at))
        self._judge(counts, now)

    def count_write(self, kind: str, caller: str) -> None:
        """Count a write of `kind` for all replicas together. Raises TooManyRequests."""
        now = self._clock.now()
        counts = []
        with self._database.transaction(EVERY_PRACTICE) as session:
            for limit in self._limits[kind]:
                seconds = int(limit.length.total_seconds())
                key = encryption.ring().index(f"{kind} {seconds} {caller}", "rate limit")
                values = {
                    "key": key,
                    "now": now,
                    "ends_at": now + limit.length,
                    "latest": _latest(limit, now),
                }
                row = session.execute(_COUNT, values).one()
                counts.append(Count(limit.most, row.used, row.ends_at))
            self._tidy(session, now)
        self._judge(counts, now)

    def _judge(self, counts: list[Count], now: datetime) -> None:
        """Raise for the exceeded limit that lasts longest, if there is one; else keep the tightest
        count for the headers of the answer."""
        exceeded = [count for count in counts if count.used > count.most]
        if exceeded:
            worst = max(exceeded, key=lambda count: count.ends_at)
            headers = {**_headers(worst, now), "Retry-After": str(_seconds_left(worst, now))}
            raise WithMembers(TooManyRequests(), headers=headers)
        tightest = min(counts, key=lambda count: count.most - count.used)
        g.rate_limit_headers = _headers(tightest, now)

    def _tidy(self, session: Session, now: datetime) -> None:
        if now - self._tidied > _TIDY_EVERY:
            self._tidied = now
            session.execute(_TIDY, {"now": now})


def limiter() -> Limiter:
    """Return the limiter of the app that is handling this request."""
    found: Limiter = current_app.extensions["limiter"]
    return found


def count(kind: str) -> None:
    """Count a write of `kind` (`writes`, `public_writes`, `sign_ins`). Raises TooManyRequests.

    It counts for the account that is signed in, else for the caller's address.
    """
    caller = identity.caller()
    limiter().count_write(kind, caller.subject if caller.is_staff else addresses.caller())


def add_headers(response: Response) -> Response:
    """Tell in the headers of an answer how many requests are left."""
    for name, value in g.get("rate_limit_headers", {}).items():
        response.headers.setdefault(name, value)
    return response


def parse(variable: str, text: str) -> list[Limit]:
    """Return the limits that a setting names: `60/minute`, or `60/minute;500/hour` for both.

    Raises Misconfigured, which names the environment variable.
    """
    found = [_LIMIT.fullmatch(part.strip()) for part in text.split(";")]
    if None in found:
        raise Misconfigured(
            f"{variable} must be such as 60/minute or 60/minute;500/hour"
            f" (by {', '.join(_SECONDS)}), not {text!r}"
        )
    return [Limit(int(m[1]), timedelta(seconds=_SECONDS[m[2]])) for m in found if m]


def _latest(limit: Limit, now: datetime) -> datetime:
    """Return the latest instant at which a count may end.

    A count that ends later was begun by a clock that ran ahead, and restarts. Twice the length
    of the limit, since the clocks of replicas differ a little.
    """
    return now + 2 * limit.length


def _headers(count: Count, now: datetime) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(count.most),
        "RateLimit-Remaining": str(max(0, count.most - count.used)),
        "RateLimit-Reset": str(_seconds_left(count, now)),
    }


def _seconds_left(count: Count, now: datetime) -> int:
    return max(1, -int(-(count.ends_at - now).total_seconds() // 1))
