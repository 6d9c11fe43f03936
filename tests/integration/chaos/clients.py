"""The clients of a chaos run: each acts through the gateway and records every response."""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import requests

from tests.integration.chaos import plan
from tests.integration.chaos.plan import Wish
from tests.world import World, token_of

ZONE = "Europe/Berlin"
STRAYS = timedelta(seconds=2.5)
"""For so long a call may go on when its client has given up: its deadline, and a commit."""
_RECENT = 8  # of the bookings that can be acted on, so that clients meet
_LAST_PATIENCE = 60.0  # seconds to get an answer once everything is back

# What a client may be refused for; whatever else there is, is a violation.
_REFUSALS = {
    plan.BOOK: {(409, "SLOT_TAKEN")},
    plan.HOLD: {(409, "SLOT_TAKEN")},
    plan.CONFIRM: {(422, "WRONG_STATUS")},
    plan.DECLINE: {(422, "WRONG_STATUS")},
    plan.CANCEL: {(422, "WRONG_STATUS")},
    plan.COMPLETE: {(422, "WRONG_STATUS")},
    plan.SEARCH: set[tuple[int, str]](),
}


@dataclass(frozen=True)
class Answer:
    """The outcome of one attempt; the status is 0 if no response arrived."""

    sent: datetime
    came: datetime
    status: int
    body: dict[str, Any]

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500

    @property
    def unanswered(self) -> bool:
        return not (self.done or self.refused)


@dataclass
class Write:
    """One write that a client attempts under one idempotency key, with the responses to all its
    attempts."""

    kind: str
    path: str
    body: dict[str, Any]
    # The client's e-mail address, the id of the booking it is about, or the visitor's.
    about: str
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    answers: list[Answer] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return any(answer.done for answer in self.answers)

    @property
    def refused(self) -> bool:
        """Return whether every attempt was refused."""
        return bool(self.answers) and all(answer.refused for answer in self.answers)

    def told(self) -> str:
        """Return the write and its responses as text for a report."""
        return f"{self.kind} {self.about} key {self.key}: " + ", ".join(
            f"{a.sent:%H:%M:%S.%f} {a.status} {a.body.get('reason') or a.body.get('id') or ''}"
            for a in self.answers
        )


@dataclass
class Made:
    """A booking that a client knows."""

    id: str
    token: str


@dataclass
class Clinic:
    """A practice, one of its providers, and what clients know of their bookings."""

    world: World
    username: str
    # By which its time, and that of the room for in-person sessions, is taken; 0: no room.
    provider_number: int
    room_number: int
    # Every start there is, while nothing is taken, and how long a session takes.
    slots: list[str]
    length: timedelta
    approves: bool
    made: list[Made] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"{self.world.stack.url}/api/v1"

    def recent(self, which: float) -> Made | None:
        """Return one of the latest bookings; `which` from 0 to 1 chooses it."""
        known = self.made[-_RECENT:]
        return known[int(which * len(known))] if known else None


class Log:
    """All writes and responses of all clients."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.writes: list[Write] = []
        self.violations: list[str] = []
        self.done_at: list[float] = []
        self.searches = 0

    def wanted(self, write: Write) -> None:
        with self._lock:
            self.writes.append(write)

    def told(self, write: Write, answer: Answer) -> None:
        with self._lock:
            write.answers.append(answer)
            if answer.done:
                self.done_at.append(time.monotonic())
        self.judge(write.kind, answer, write.told)

    def judge(self, kind: str, answer: Answer, told: Any) -> None:
        """Record a violation unless the response is a success, an expected refusal with a reason,
        or a temporary failure (none, 503, 504)."""
        reason = str(answer.body.get("reason", ""))
        if answer.refused and (answer.status, reason) not in _REFUSALS[kind]:
            self.violation(f"refused for no good reason: {told()}")
        if answer.status not in (0, 503, 504) and answer.status >= 500:
            self.violation(f"failed: {told()} trace {answer.body.get('trace_id')}")

    def violation(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)


class Client(threading.Thread):
    """A client that acts until it is told to stop, and then finishes what it has begun."""

    def __init__(
        self, number: int, seed: str, clinics: list[Clinic], log: Log, stop: threading.Event
    ) -> None:
        super().__init__(name=f"client-{number}")
        self._number = number
        self._wishes = plan.wishes(seed, number)
        self._clinics = clinics
        self._log = log
        self._stop_acting = stop
        self._sessions = [requests.Session(), requests.Session()]
        self._twin = ThreadPoolExecutor(1)
        self._name = f"{secrets.token_hex(4)}-{number}"
        self.restored = threading.Event()

    def run(self) -> None:
        try:
            for count, wish in enumerate(self._wishes):
                if self._stop_acting.wait(wish.pause):
                    break
                self._fulfil(count, wish)
        except Exception as error:
            self._log.violation(f"client {self._number} failed: {error!r}")
            raise
        finally:
            self._twin.shutdown()
            for session in self._sessions:
                session.close()

    def _fulfil(self, count: int, wish: Wish) -> None:
        among = self._clinics
        if wish.kind in (plan.CONFIRM, plan.DECLINE):
            among = [clinic for clinic in among if clinic.approves]
        clinic = among[int(wish.clinic * len(among))]
        start = clinic.slots[int(wish.slot * len(clinic.slots))]
        if wish.kind == plan.BOOK:
            self._book(clinic, start, wish, f"{self._name}-{count}")
        elif wish.kind == plan.HOLD:
            self._hold(clinic, start, wish, _visitor(f"{self._name}-{count}"))
        elif wish.kind == plan.SEARCH:
            self._search(clinic, start, "")
        elif made := clinic.recent(wish.which):
            self._change(clinic, made, wish)

    def _book(self, clinic: Clinic, start: str, wish: Wish, name: str) -> None:
        body = {
            "service": "session",
            "mode": wish.mode,
            "start": start,
            "client": {
                "name": f"Client {name}",
                "email": f"{name}@client.example",
                "timezone": ZONE,
            },
        }
        visitor = _visitor(name)
        if wish.held:
            held = self._hold(clinic, start, wish, visitor)
            if held is None:
                return
            body["hold"] = held["hold"]
        path = f"/providers/{clinic.username}/bookings"
        write = Write(plan.BOOK, path, body, f"{name}@client.example", {"X-Visitor-Id": visitor})
        booking = self._do(clinic, write, wish)
        if booking:
            self._search(clinic, start, booking["revision"], taken=True)
            clinic.made.append(Made(booking["id"], token_of(booking["manage_url"])))

    def _hold(self, clinic: Clinic, start: str, wish: Wish, visitor: str) -> dict[str, Any] | None:
        path = f"/providers/{clinic.username}/holds"
        body = {"service": "session", "mode": wish.mode, "start": start}
        write = Write(plan.HOLD, path, body, visitor, {"X-Visitor-Id": visitor})
        return self._do(clinic, write, wish)

    def _change(self, clinic: Clinic, made: Made, wish: Wish) -> None:
        """Change a booking as staff; every other cancellation is the client's.

        A session that is completed has begun.
        """
        if wish.kind == plan.COMPLETE:
            try:
                clinic.world.come({"id": made.id})
            except psycopg.Error:  # the database is away
                return
        write = Write(wish.kind, f"/bookings/{made.id}/{wish.kind}", {}, made.id)
        if wish.kind == plan.CANCEL and wish.slot < 0.5:
            write.params["token"] = made.token
        else:
            write.headers["Authorization"] = f"Bearer {clinic.world.owner.token}"
        self._do(clinic, write, wish)

    def _do(self, clinic: Clinic, write: Write, wish: Wish) -> dict[str, Any] | None:
        """Attempt a write, and return the response if it succeeded."""
        self._log.wanted(write)
        url = f"{clinic.url}{write.path}"
        twin = self._twin.submit(self._attempt, 1, url, write, 20) if wish.twice else None
        answer = self._attempt(0, url, write, wish.patience)
        if twin:
            twin.result()
        answer = self._persist(url, write, answer, wish)
        return answer.body if answer.done else None

    def _persist(self, url: str, write: Write, answer: Answer, wish: Wish) -> Answer:
        """Repeat a write until a response arrives, if this client is one that retries."""
        end = float("inf")
        while answer.unanswered and wish.persistent:
            if self.restored.is_set():
                end = min(end, time.monotonic() + _LAST_PATIENCE)
            if time.monotonic() > end:
                self._log.violation(f"no answer although everything is back: {write.told()}")
                break
            time.sleep(0.1 + wish.pause)
            answer = self._attempt(0, url, write, 20)
        if wish.again and not answer.unanswered:
            self._attempt(0, url, write, 20)
        return answer

    def _attempt(self, session: int, url: str, write: Write, patience: float) -> Answer:
        headers = {**write.headers, "Idempotency-Key": write.key}
        sent = datetime.now(UTC)
        try:
            response = self._sessions[session].post(
                url, json=write.body, headers=headers, params=write.params, timeout=patience
            )
            answer = Answer(sent, datetime.now(UTC), response.status_code, response.json())
        except (requests.RequestException, ValueError):
            answer = Answer(sent, datetime.now(UTC), 0, {})
        self._log.told(write, answer)
        return answer

    def _search(self, clinic: Clinic, start: str, revision: str, *, taken: bool = False) -> None:
        """Search, and check that a slot taken as of the named revision is not offered (spec
        SL-8)."""
        day = start[:10]
        query = {"service": "session", "mode": "in_person", "from": day, "to": day}
        query |= {"tz": "America/New_York"} | ({"revision": revision} if revision else {})
        url = f"{clinic.url}/providers/{clinic.username}/slots"
        sent = datetime.now(UTC)
        try:
            response = self._sessions[0].get(url, params=query, timeout=20)
            answer = Answer(sent, datetime.now(UTC), response.status_code, response.json())
        except (requests.RequestException, ValueError):
            answer = Answer(sent, datetime.now(UTC), 0, {})
        self._log.searches += 1
        self._log.judge(plan.SEARCH, answer, lambda: f"search {clinic.username} {answer.body}")
        days = answer.body.get("days", ())
        offered = {slot["start"] for each in days for slot in each["slots"]}
        if answer.done and taken and start in offered:
            self._log.violation(f"offered although taken, as of revision {revision}: {start}")


def _visitor(name: str) -> str:
    return f"visitor-{name}".ljust(24, "-")
