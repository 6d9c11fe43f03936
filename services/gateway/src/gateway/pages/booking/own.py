"""What a visitor holds and has booked, remembered by their own browser.

Two short-lived cookies, signed together with the visitor's id: nobody can make one up, and one that
reaches another browser says nothing there.
"""

import base64
import json
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from werkzeug.wrappers import Response

from gateway import times
from gateway.identity import signing, visitors
from gateway.pages.booking.choice import Choice, parse_instant
from gateway.pages.shared import context
from gateway.web import cookies

_BOOKED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class _Own:
    username: str
    service: str
    mode: str
    start: str
    """UTC, RFC 3339."""

    @classmethod
    def read(cls) -> Self | None:
        """Return what the browser sent, None unless the signature is right."""
        payload, _, code = cookies.read(cls._cookie()).rpartition(".")
        if not payload or not signing.equal(code, _code(cls._cookie(), payload)):
            return None
        values: list[Any] = json.loads(base64.urlsafe_b64decode(payload))
        try:
            return cls(*values)
        except TypeError:  # set by another version
            return None

    def remember(self, response: Response, lifetime: timedelta) -> None:
        """Set the cookie."""
        payload = base64.urlsafe_b64encode(json.dumps(astuple(self)).encode()).decode()
        value = f"{payload}.{_code(self._cookie(), payload)}"
        cookies.set_on(response, self._cookie(), value, lifetime)

    @classmethod
    def forget(cls, response: Response) -> None:
        """Have the browser delete the cookie."""
        if cookies.read(cls._cookie()):
            cookies.delete_from(response, cls._cookie())

    @classmethod
    def _cookie(cls) -> str:
        return f"attune_{cls.__name__.lower()}"

    @property
    def start_time(self) -> datetime | None:
        return parse_instant(self.start)

    def _is_offered_by(self, choice: Choice) -> bool:
        slug = choice.service.slug if choice.service else ""
        return (self.username, self.service, self.mode) == (choice.username, slug, choice.mode_name)


@dataclass(frozen=True)
class Held(_Own):
    """The time that a visitor holds; a browser holds one at a time."""

    hold_id: str
    """Empty once it was released: the page may be on its way back, before a search knows."""
    expires: str
    """UTC, RFC 3339."""

    @property
    def seconds(self) -> int:
        """How long the hold still lasts."""
        expires = parse_instant(self.expires)
        return int((expires - context.now()).total_seconds()) if expires else 0


@dataclass(frozen=True)
class Booked(_Own):
    """The time that a visitor has just booked."""

    manage_token: str


def held(choice: Choice) -> Held | None:
    """Return what this visitor holds, or has just released, of the chosen service and mode."""
    found = Held.read()
    return found if found and found.seconds > 0 and found._is_offered_by(choice) else None


def booked(choice: Choice) -> Booked | None:
    """Return this visitor's booking of the chosen time."""
    found = Booked.read()
    is_it = found and found.username == choice.username and found.start_time == choice.start
    return found if is_it else None


def remember_hold(response: Response, choice: Choice, hold_id: str, expires: datetime) -> None:
    """Remember a new hold as long as it lasts."""
    own = Held(*_values(choice), hold_id, times.utc_text(expires))
    own.remember(response, max(expires - context.now(), timedelta(seconds=1)))


def remember_release(response: Response, hold_id: str) -> None:
    """Remember that a hold was released."""
    found = Held.read()
    if found and found.hold_id == hold_id and found.seconds > 0:
        released = replace(found, hold_id="")
        released.remember(response, timedelta(seconds=found.seconds))


def remember_booking(response: Response, choice: Choice, manage_token: str) -> None:
    """Remember a new booking for an hour, in place of its hold."""
    Held.forget(response)
    Booked(*_values(choice), manage_token).remember(response, _BOOKED_FOR)


def _values(choice: Choice) -> tuple[str, str, str, str]:
    slug = choice.service.slug if choice.service else ""
    start = times.utc_text(choice.start) if choice.start else ""
    return choice.username, slug, choice.mode_name, start


def _code(cookie: str, payload: str) -> str:
    return signing.code(cookie, f"{visitors.visitor_id()}\0{payload}")
