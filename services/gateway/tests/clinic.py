"""A practice for tests, and a caller of the API."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from attune_local.stack import Stack
from attune_testing import builders
from common import ids
from common.clock import SystemClock
from common.db import encryption
from common.db.database import Database
from gateway.identity import accounts

PASSWORD = "correct horse battery"


class Api:
    """Calls the API over HTTP as the holder of a token."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._session = requests.Session()
        self.authorization = f"Bearer {token}" if token else ""
        if token:
            self._session.headers["Authorization"] = self.authorization

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self._session.request(method, f"{self._url}{path}", timeout=60, **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        """Return the content of the answer, which must have status 200."""
        answer = self.call("GET", f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.call(method, f"/api/v1{path}", json=body, **kwargs)

    def post(self, path: str, body: Any = None, status: int = 200, **kwargs: Any) -> Any:
        """Return the content of the answer, which must have `status`."""
        answer = self.send("POST", path, body, **kwargs)
        assert answer.status_code == status, answer.text
        return answer.json()


@dataclass
class Practice:
    """A practice with one provider, open on workdays from nine to five in New York."""

    stack: Stack
    practice_id: str
    provider_id: str
    username: str
    visitor: Api
    owner: Api

    @property
    def path(self) -> str:
        return f"/providers/{self.username}"

    def slots(self, service: str = "talk", mode: str = "telehealth", **query: Any) -> list[str]:
        """Return the free starts of a week some weeks ahead."""
        monday = self.monday()
        wanted = {"from": monday, "to": monday + timedelta(days=6), **query}
        found = self.visitor.get(f"{self.path}/slots", service=service, mode=mode, **wanted)
        return [slot["start"] for day in found["days"] for slot in day["slots"]]

    def monday(self) -> date:
        today = datetime.now(UTC).date()
        return today + timedelta(days=21 - today.weekday())

    def booking(self, start: str, **changes: Any) -> dict[str, Any]:
        """Return the body of a request that books a start."""
        client = {
            "name": "Jane Roe",
            "email": f"jane-{ids.new().hex[:8]}@mail.example",
            "timezone": "Europe/Berlin",
        }
        return {
            "service": "talk",
            "mode": "telehealth",
            "start": start,
            "client": client,
            **changes,
        }

    def book(self, start: str, **changes: Any) -> Any:
        return self.visitor.post(f"{self.path}/bookings", self.booking(start, **changes), 201)

    def come(self, booking: dict[str, Any]) -> None:
        """Move the planned start of a booking to now, so that the session can take place."""
        builders.come(self.stack.database_url("booking"), booking["id"])

    def account(self, *roles: str, provider_id: str = "") -> Api:
        """Create an account and return its signed-in caller."""
        email = f"{ids.new()}@clinic.example"
        before = encryption.ring()
        env = self.stack.environment("gateway", self.stack.port)
        encryption.use(encryption.KeyRing(env["ENCRYPTION_KEYS"], env["BLIND_INDEX_KEY"]))
        database = Database(env["DATABASE_URL"], 1, service="gateway")
        try:
            accounts.create(
                database,
                SystemClock(),
                practice_id=UUID(self.practice_id),
                email=email,
                password=PASSWORD,
                roles=roles,
                provider_id=UUID(provider_id) if provider_id else None,
            )
        finally:
            database.close()
            encryption.use(before)
        login = {"email": email, "password": PASSWORD}
        return Api(self.stack.url, Api(self.stack.url).post("/auth/login", login)["token"])
