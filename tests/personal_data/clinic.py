"""A practice where every typed text is seeded, and people who type: in the API and on the pages."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from attune_operator.up import environment_of
from attune_testing import builders
from attune_testing.stubs import AvailabilityStub
from tests.people import starts
from tests.personal_data import seeds
from tests.personal_data.conftest import Whole
from tests.world import Http, World

HEADERS = {
    "User-Agent": seeds.BROWSER,
    "X-Visitor-Id": seeds.VISITOR,
    "Referer": f"https://{seeds.WORD}.example/{seeds.WORD}",
    "tracestate": f"{seeds.WORD}={seeds.WORD}",
    "baggage": f"name={seeds.WORD}",
    "X-Request-Id": seeds.WORD,
    "X-Forwarded-For": seeds.WORD,
    "Cookie": f"name={seeds.WORD}",
}


@dataclass
class Caller(Http):
    """A caller of the API that collects the errors of its responses."""

    errors: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options["headers"] = {**HEADERS, **options.get("headers", {})}
        return self._noted(super().call(method, path, **options))

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to any path of the gateway."""
        headers = {**HEADERS, "Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = self.session.request(
            method, self.base + path, headers=headers, timeout=60, **options
        )
        return self._noted(answer)

    def _noted(self, answer: requests.Response) -> requests.Response:
        if answer.status_code >= 400:
            told = f"{answer.request.method} {answer.status_code} {answer.headers} {answer.text}"
            self.errors.append(told)
        return answer


@dataclass
class Clinic:
    """A practice with one provider, who is also the owner."""

    whole: Whole
    world: World
    username: str
    email: str
    public: Caller
    owner: Caller
    _starts: Iterator[str]

    @classmethod
    def make(cls, whole: Whole, **policies: Any) -> "Clinic":
        world = World.make(whole.stack, maximum_advance_days=60, **policies)
        email = f"{secrets.token_hex(4)}@{seeds.WORD}.example"
        provider_id, username = _add_provider(world, email)
        builders.account(
            environment_of(whole.stack),
            world.practice_id,
            *("owner", "clinician"),
            provider_id=provider_id,
            email=email,
            password=seeds.PASSWORD,
        )
        public = Caller(whole.stack.url, errors=whole.places.errors)
        owner = Caller(whole.stack.url, errors=whole.places.errors)
        made = cls(whole, world, username, email, public, owner, starts(world, username))
        made.owner.token = made.sign_in()
        return made

    def sign_in(self) -> str:
        """Sign in, and return the token of the session."""
        login = {"email": self.email, "password": seeds.PASSWORD}
        token: str = self.public.post("/auth/login", login)["token"]
        return token

    def typed(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a booking as a client types it."""
        return {
            "service": "session",
            "mode": "telehealth",
            "start": next(self._starts),
            "client": {
                "name": seeds.NAME,
                "email": seeds.EMAIL,
                "phone": seeds.PHONE,
                "timezone": "Europe/Berlin",
            },
            "note": seeds.NOTE,
            **changes,
        }

    def book(self, **changes: Any) -> dict[str, Any]:
        """Book under an idempotency key that contains personal data."""
        key = {"Idempotency-Key": f"{seeds.KEY}-{secrets.token_hex(4)}"}
        path = f"/providers/{self.username}/bookings"
        made: dict[str, Any] = self.public.post(path, self.typed(**changes), 201, headers=key)
        return made

    def browser(self) -> "Browser":
        return Browser(self.whole.stack.url)


class Browser:
    """A person on the pages."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.session = requests.Session()
        self.session.headers.update({**HEADERS, "Cookie": None})  # type: ignore[dict-item]  # its own

    def get(self, path: str, **query: str) -> requests.Response:
        return self.session.get(self._url + path, params=query, timeout=60)

    def send(self, path: str, **form: str) -> requests.Response:
        """Fill in and send the form of a page."""
        chosen = {name: form[name] for name in ("service", "mode", "start") if name in form}
        page = self.get(path, **chosen)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        assert "csrf_token" in hidden, page.text
        return self.session.post(self._url + path, data={**hidden, **form}, timeout=60)


def _add_provider(world: World, email: str) -> tuple[str, str]:
    stub = AvailabilityStub(world.stack.operator_channel("availability"))
    made = builders.provider(stub, world.practice_id, email=email)
    return made.provider_id, made.username
