"""A practice for tests, and its people, over HTTP."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from attune.availability.v1 import availability_pb2 as pb
from attune_local.stack import Stack
from attune_operator.up import environment_of
from attune_testing import builders
from attune_testing.builders import PASSWORD, ZONE
from attune_testing.stubs import AvailabilityStub
from attune_testing.waiting import until

PATIENT = {"REQUEST_SECONDS": "30", "CALL_SECONDS": "20", "TURN_SECONDS": "10"}
"""Settings of an Attune that waits long for its own parts: a slow machine fails no test."""


def patient() -> requests.Session:
    """Return a session that retries up to three times when told to come back shortly, as API
    clients should."""
    again = Retry(
        3,
        connect=0,
        read=0,
        status_forcelist=(503, 504),
        allowed_methods=None,
        raise_on_status=False,
    )
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=again))
    return session


@dataclass
class Http:
    """One caller of the API. Its writes carry keys, so a repeated write acts once."""

    base: str
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if method != "GET":
            headers.setdefault("Idempotency-Key", secrets.token_urlsafe())
        return self.session.request(
            method, f"{self.base}/api/v1{path}", headers=headers, timeout=60, **options
        )

    def get(self, path: str, **params: Any) -> Any:
        """Send a GET, check for 200, and return the content."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        """Send a POST, check for `status`, and return the content."""
        answer = self.call("POST", path, json=body if body is not None else {}, **options)
        assert answer.status_code == status, answer.text
        return answer.json()


@dataclass
class World:
    """A practice with one provider, `username`, who works every day from 9 to 17."""

    stack: Stack
    practice_id: str
    provider_id: str
    username: str
    public: Http
    owner: Http

    @classmethod
    def make(cls, stack: Stack, *, synthetic: bool = False, **policies: Any) -> "World":
        """Create a practice under these policies."""
        stub = AvailabilityStub(stack.operator_channel("availability"))
        username = builders.unique("p")
        practice = builders.practice(
            stub,
            name=f"Practice {username}",
            policies=pb.Policies(**policies),
            synthetic=synthetic,
        )
        builders.service_type(stub, practice.practice_id)
        provider = builders.provider(stub, practice.practice_id, username=username)
        email = f"owner-{username}@practice.example"
        builders.account(environment_of(stack), practice.practice_id, "owner", email=email)
        world = cls(
            stack,
            practice.practice_id,
            provider.provider_id,
            username,
            Http(stack.url, session=patient()),
            Http(stack.url, session=patient()),
        )
        world.sign_in()
        return world

    def sign_in(self) -> None:
        """Sign in as the owner."""
        login = {"email": f"owner-{self.username}@practice.example", "password": PASSWORD}
        self.owner.token = self.public.post("/auth/login", login)["token"]

    def come(self, booking: dict[str, Any]) -> None:
        """Move the planned start of a booking to now, so that the session can take place."""
        builders.come(self.stack.database_url("booking"), booking["id"])

    def slots(self, http: Http | None = None, /, **changes: Any) -> list[str]:
        """Return the bookable starts of the next days."""
        today = datetime.now(UTC).date()
        query = {
            "service": "session",
            "mode": "telehealth",
            "from": today.isoformat(),
            "to": (today + timedelta(days=10)).isoformat(),
            "tz": ZONE,
            **changes,
        }
        answer = (http or self.public).get(f"/providers/{self.username}/slots", **query)
        return [slot["start"] for day in answer["days"] for slot in day["slots"]]

    def a_start(self, days: int = 2) -> str:
        """Return a bookable start at least `days` ahead, at least a day past every threshold."""
        first = date.today() + timedelta(days=days)
        return next(s for s in self.slots() if datetime.fromisoformat(s).date() >= first)

    def request(self, start: str, **changes: Any) -> dict[str, Any]:
        """Return the body of a booking by a client of its own."""
        name = secrets.token_hex(4)
        return {
            "service": "session",
            "mode": "telehealth",
            "start": start,
            "client": {
                "name": f"Client {name}",
                "email": f"{name}@client.example",
                "timezone": "Europe/Berlin",
            },
            **changes,
        }

    def book(self, start: str | None = None, **changes: Any) -> dict[str, Any]:
        """Book as a client does, and return the response."""
        return self.book_as(self.request(start or self.a_start(), **changes))

    def book_as(self, body: dict[str, Any]) -> dict[str, Any]:
        """Book with this body, and return the response."""
        made: dict[str, Any] = self.public.post(
            f"/providers/{self.username}/bookings", body, status=201
        )
        return made

    def messages(self, to: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until the development mailbox has so many messages for an address; return them."""
        found: list[dict[str, Any]] = until(
            lambda: self.public.get("/dev/messages", to=to), lambda m: len(m) >= count
        )
        return found


def token_of(manage_url: str) -> str:
    """Return the token of a manage link."""
    return manage_url.rstrip("/").rpartition("/")[2].partition("?")[0]
