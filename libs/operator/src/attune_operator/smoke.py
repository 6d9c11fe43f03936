"""`attune smoke`: one booking, from search to cancellation, against a running Attune."""

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import click

from attune_operator.api import Api, ApiError

_API = "/api/v1"
_AHEAD, _DAYS = 3, 28  # no policy forbids to cancel a session that is days away, by default
_MOST_SLOTS = 5  # that may be taken between search and hold
_CLEANUP = 20.0  # seconds to take back what was booked, after all else
_SLOT_TAKEN = "SLOT_TAKEN"
_REFUSED = range(400, 429)
_MODES = ("telehealth", "in_person")  # those that need nothing but a name and an email


class Failed(click.ClickException):
    """A step of the round trip did not go as it should."""


@dataclass
class Booked:
    """What a round trip has asked for, so that it can be taken back."""

    hold: dict[str, Any] | None = None
    """The request of a hold that has not become a booking."""
    booking: dict[str, Any] | None = None
    """The request of a booking that is not canceled."""
    visitor: str = field(default_factory=lambda: secrets.token_hex(16))
    keys: dict[str, str] = field(default_factory=dict)
    """Idempotency keys, by what they are for."""

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers of a write: the same for each repetition."""
        kept = self.keys.setdefault(key, secrets.token_hex(16))
        return {"X-Visitor-Id": self.visitor, "Idempotency-Key": kept}


@click.command()
@click.argument("url")
@click.option("--provider", "username", required=True, help="A provider of a synthetic practice.")
@click.option(
    "--timeout", "seconds", default=60.0, show_default=True, help="Seconds for all steps together."
)
def smoke(url: str, username: str, seconds: float) -> None:
    """Book and cancel through the gateway at URL, as a client's program does.

    The provider's practice must be synthetic (`attune practice create --synthetic`). Each step is
    printed with its time. The exit code is 0 if every step succeeds. What was booked is taken back
    in any case.
    """
    begun = time.monotonic()
    trip = RoundTrip(Api(url, seconds), username)
    try:
        trip.run()
    except ApiError as error:
        raise Failed(f"{trip.step}: {error}") from None
    finally:
        with _undisturbed():
            trip.take_back(Api(url, _CLEANUP))
    click.echo(f"{'all steps':<12}{(time.monotonic() - begun) * 1000:>7.0f} ms")


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore SIGTERM and SIGINT during the block, so that it is completed."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in kept:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


class RoundTrip:
    """The steps of one booking with a provider."""

    def __init__(self, api: Api, username: str) -> None:
        self.step = "ready"
        self._api = api
        self._base = f"{_API}/providers/{quote(username, safe='')}"
        self._username = username
        self._booked = Booked()

    def run(self) -> None:
        """Take all steps. Raises Failed or ApiError."""
        ready = self._timed("ready", lambda: self._api.get("/readyz"))
        _expect(ready.get("status") == "ok", "the gateway is not ready")
        profile = self._timed("profile", lambda: self._api.get(self._base))
        self._require_synthetic(profile)
        offer = _offer(profile)
        found = self._timed("slots", lambda: self._search(offer))
        _expect(found, "there is no open slot; set the provider's hours")
        hold = self._timed("hold", lambda: self._hold(offer, found))
        made = self._timed("book", lambda: self._book(offer, hold, profile["timezone"]))
        start, path = hold["start"], f"{_API}/bookings/{made['id']}"
        link = _manage_link(made)
        read = self._timed("read", lambda: self._api.get(path, link))
        _expect(read["id"] == made["id"], "the manage link opens another booking")
        _expect(read["status"] in ("confirmed", "requested"), f"it is {read['status']}")
        free = self._timed("slot gone", lambda: self._search(offer, made["revision"]))
        _expect(not _has(free, start), "a search still offers the booked slot")
        cancelled = self._timed("cancel", lambda: self._cancel(path, link))
        _expect(
            cancelled["status"] == "cancelled",
            f"the booking is still {cancelled['status']}; the practice's policies must let clients"
            " cancel at once",
        )
        self._booked.booking = self._booked.hold = None
        free = self._timed("slot back", lambda: self._search(offer, cancelled["revision"]))
        _expect(_has(free, start), "a search does not offer the canceled slot")

    def take_back(self, api: Api) -> None:
        """Cancel the booking and release the hold that are left, if there are any.

        If a response was lost, the request is repeated: it returns what was made.
        """
        for kind, take_back in (("booking", self._unbook), ("hold", self._unhold)):
            try:
                take_back(api)
            except ApiError as error:
                click.echo(f"A {kind} may be left, since this failed: {error}", err=True)

    def _unbook(self, api: Api) -> None:
        if self._booked.booking is None:
            return
        path = f"{self._base}/bookings"
        made = self._repeat(api, path, self._booked.booking, "booking")
        if made is None:
            return
        self._booked.hold = None
        headers = {**_manage_link(made), **self._booked.headers("cancel")}
        api.call("POST", f"{_API}/bookings/{made['id']}/cancel", {}, headers)

    def _unhold(self, api: Api) -> None:
        if self._booked.hold is None:
            return
        path = f"{self._base}/holds"
        held = self._repeat(api, path, self._booked.hold, "hold")
        if held is None:
            return
        api.call("DELETE", f"{path}/{held['hold']}", headers=self._booked.headers("hold"))

    def _repeat(self, api: Api, path: str, body: Any, kind: str) -> Any:
        """Repeat a request; return what it made, or None if it was refused and made nothing."""
        try:
            return api.call("POST", path, body, self._booked.headers(kind))
        except ApiError as error:
            if error.status in _REFUSED:
                return None
            raise

    def _timed(self, step: str, act: Callable[[], Any]) -> Any:
        self.step = step
        begun, retries = time.monotonic(), self._api.retries
        answer = act()
        milliseconds, again = (time.monotonic() - begun) * 1000, self._api.retries - retries
        told = f" ({again} {'retry' if again == 1 else 'retries'})" if again else ""
        click.echo(f"{step:<12}{milliseconds:>7.0f} ms{told}")
        return answer

    def _require_synthetic(self, profile: dict[str, Any]) -> None:
        if not profile["practice"].get("synthetic"):
            raise Failed(
                f"The practice of {self._username} is not synthetic, so nothing was booked. Create"
                " a practice for tests with `attune practice create --synthetic`."
            )

    def _search(self, offer: dict[str, str], revision: str = "") -> list[str]:
        """Return the open starts of some weeks, as instants in UTC."""
        today = datetime.now(UTC).date()
        first, last = today + timedelta(days=_AHEAD), today + timedelta(days=_AHEAD + _DAYS)
        dates = {"from": first.isoformat(), "to": last.isoformat(), "tz": "UTC"}
        query = {**offer, **dates, "revision": revision}
        found = self._api.get(f"{self._base}/slots", query=query)
        return [slot["start"] for day in found["days"] for slot in day["slots"]]

    def _hold(self, offer: dict[str, str], starts: list[str]) -> dict[str, Any]:
        """Hold one of the starts: the first that nobody else has taken meanwhile."""
        path = f"{self._base}/holds"
        for start in starts[:_MOST_SLOTS]:
            self._booked.hold = {**offer, "start": start}
            try:
                hold: dict[str, Any] = self._api.call(
                    "POST", path, self._booked.hold, self._booked.headers("hold")
                )
            except ApiError as error:
                if error.reason != _SLOT_TAKEN:
                    raise
                del self._booked.keys["hold"]
                self._booked.hold = None
            else:
                return hold
        raise Failed(f"hold: the first {_MOST_SLOTS} open slots were all taken meanwhile")

    def _book(self, offer: dict[str, str], hold: dict[str, Any], timezone: str) -> dict[str, Any]:
        client = {"name": "Smoke Test", "email": "smoke-test@example.com", "timezone": timezone}
        self._booked.booking = {
            **offer,
            "start": hold["start"],
            "hold": hold["hold"],
            "client": client,
        }
        path, headers = f"{self._base}/bookings", self._booked.headers("booking")
        made: dict[str, Any] = self._api.call("POST", path, self._booked.booking, headers)
        return made

    def _cancel(self, path: str, link: dict[str, str]) -> dict[str, Any]:
        headers = {**link, **self._booked.headers("cancel")}
        cancelled: dict[str, Any] = self._api.call("POST", f"{path}/cancel", {}, headers)
        return cancelled


def _offer(profile: dict[str, Any]) -> dict[str, str]:
    """Return a service that can be booked, and its mode."""
    for service in profile["services"]:
        for mode in _MODES:
            if mode in service["modes"]:
                return {"service": service["service"], "mode": mode}
    raise Failed("The provider has no service in person or by telehealth that clients can book.")


def _manage_link(made: dict[str, Any]) -> dict[str, str]:
    """Return the header that opens a booking as its client."""
    return {"Authorization": f"Manage {made['manage_url'].rpartition('/')[2]}"}


def _has(starts: list[str], start: str) -> bool:
    """Return whether a start, in any zone, is among those of a search."""
    return datetime.fromisoformat(start) in map(datetime.fromisoformat, starts)


def _expect(condition: object, otherwise: str) -> None:
    if not condition:
        raise ApiError(otherwise)
