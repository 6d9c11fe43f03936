"""How often somebody may ask: all requests are counted in each process, so that a search never
waits for a database; writes and sign-ins in PostgreSQL, so that limits hold across replicas."""

import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Response, current_app, g
from limits import RateLimitItem, parse_many
from sqlalchemy import text
from sqlalchemy.orm import Session

from common.clock import Clock
from common.config import Misconfigured
from common.db import encryption
from common.db.database import EVERY_PRACTICE, Database
from common.errors import TooMany
from common.rpc import identity
from gateway import addresses
from gateway.problems import WithMembers
from gateway.settings import Settings

_MOST_CALLERS = 50_000
_TIDY_EVERY = timedelta(minutes=10)


class TooManyRequests(TooMany):
    """Too many requests; wait a little."""


class Count(NamedTuple):
    """How far one limit is used, and when it begins anew."""

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


class Limiter:
    """Counts by kind (`writes`) and by whom (an address or an account)."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._limits = {
            "requests": _parsed("LIMIT_REQUESTS", settings.limit_requests),
            "writes": _parsed("LIMIT_WRITES", settings.limit_writes),
            "public_writes": _parsed("LIMIT_PUBLIC_WRITES", settings.limit_public_writes),
            "sign_ins": _parsed("LIMIT_SIGN_INS", settings.limit_sign_ins),
        }
        self._callers: dict[tuple[str, int], tuple[int, datetime]] = {}
        self._lock = threading.Lock()
        self._tidied = clock.now()

    def request(self, who: str) -> None:
        """Count any request in this process; raises TooManyRequests."""
        now = self._clock.now()
        counts = []
        with self._lock:
            if len(self._callers) >= _MOST_CALLERS:
                # Whose time is over; if that is not enough, of the others those who came first.
                live = [(k, v) for k, v in self._callers.items() if v[1] > now]
                self._callers = dict(live[-_MOST_CALLERS // 2 :])
            for limit in self._limits["requests"]:
                key = who, limit.get_expiry()
                used, ends_at = self._callers.get(key, (0, now))
                if not now < ends_at <= _latest(limit, now):
                    used, ends_at = 0, now + timedelta(seconds=limit.get_expiry())
                self._callers[key] = used + 1, ends_at
                counts.append(Count(limit.amount, used + 1, ends_at))
        self._judge(counts, now)

    def write(self, kind: str, who: str) -> None:
        """Count for all replicas together; raises TooManyRequests."""
        now = self._clock.now()
        counts = []
        with self._database.transaction(EVERY_PRACTICE) as session:
            for limit in self._limits[kind]:
                seconds = limit.get_expiry()
                key = encryption.ring().index(f"{kind} {seconds} {who}", "rate limit")
                ends_at = now + timedelta(seconds=seconds)
                values = {"key": key, "now": now, "ends_at": ends_at, "latest": _latest(limit, now)}
                row = session.execute(_COUNT, values).one()
                counts.append(Count(limit.amount, row.used, row.ends_at))
            self._tidy(session, now)
        self._judge(counts, now)

    def _judge(self, counts: list[Count], now: datetime) -> None:
        """Raise for the limit that lasts longest, if one is exceeded; else keep the tightest for
        the answer's headers."""
        exceeded = [count for count in counts if count.used > count.most]
        if exceeded:
            worst = max(exceeded, key=lambda count: count.ends_at)
            headers = {**_headers(worst, now), "Retry-After": str(_seconds(worst, now))}
            raise WithMembers(TooManyRequests(), headers=headers)
        tightest = min(counts, key=lambda count: count.most - count.used)
        g.rate_limit_headers = _headers(tightest, now)

    def _tidy(self, session: Session, now: datetime) -> None:
        if now - self._tidied > _TIDY_EVERY:
            self._tidied = now
            session.execute(text("DELETE FROM rate_limits WHERE ends_at < :now"), {"now": now})


def _latest(limit: RateLimitItem, now: datetime) -> datetime:
    """No count ends later; one that does was begun by a clock that was ahead, and begins anew.
    Twice the limit's length, since the clocks of replicas differ a little."""
    return now + 2 * timedelta(seconds=limit.get_expiry())


def limiter() -> Limiter:
    """The limits of the app that is handling this request."""
    found: Limiter = current_app.extensions["limiter"]
    return found


def count(kind: str) -> None:
    """Count a write of this kind (`writes`, `public_writes`, `sign_ins`): of the account where one
    is signed in, else of the address. Raises TooManyRequests."""
    caller = identity.caller()
    limiter().write(kind, caller.subject if caller.is_staff else addresses.caller())


def tell(response: Response) -> Response:
    """Say in the answer's headers how much is left."""
    for name, value in g.get("rate_limit_headers", {}).items():
        response.headers.setdefault(name, value)
    return response


def _headers(count: Count, now: datetime) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(count.most),
        "RateLimit-Remaining": str(max(0, count.most - count.used)),
        "RateLimit-Reset": str(_seconds(count, now)),
    }


def _seconds(count: Count, now: datetime) -> int:
    return max(1, -int(-(count.ends_at - now).total_seconds() // 1))


def _parsed(name: str, value: str) -> list[RateLimitItem]:
    try:
        return parse_many(value)
    except ValueError as error:
        raise Misconfigured(f"{name}: {error}") from error
