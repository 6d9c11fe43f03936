"""What keeps working while a part of Attune is unavailable, hangs, is slow, or is overloaded, and
how soon the rest recovers (spec PF-13)."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import psutil
import pytest
import requests
from requests.adapters import HTTPAdapter

from attune.availability.v1.slot_service_pb2 import SearchSlotsRequest
from attune.booking.v1.occupancy_service_pb2 import ListTakenTimeRequest
from attune.common.v1.types_pb2 import MODE_TELEHEALTH
from attune_local.stack import Process
from attune_testing.stubs import AvailabilityStub, BookingStub
from attune_testing.waiting import steady, until
from availability.search.cache import FRESH
from common.resilience import deadline
from common.rpc import channels, identity
from common.rpc.identity import Identity
from common.services import OPERATOR
from tests.faults import FaultyStack, Victim
from tests.integration.chaos import quiet
from tests.integration.conftest import Faulty
from tests.world import Http, World, patient, token_of

pytestmark = pytest.mark.req("PF-13")
FOUR = ("notifications", "telehealth-rooms", "billing", "calendar-sync")
PROBLEM = "application/problem+json"
SECONDS = deadline.CALL
"""The deadline of a call between services: what takes as long was waiting for somebody."""


@contextmanager
def killed(stack: FaultyStack, *victims: Victim) -> Iterator[None]:
    for victim in victims:
        stack.kill(victim)
    try:
        yield
    finally:
        back = [stack.bring_back(victim) for victim in victims]
        for victim in back:
            if isinstance(victim, Process):
                stack.await_ready(victim)


@contextmanager
def hung(stack: FaultyStack, *victims: Victim) -> Iterator[None]:
    """Pause the victims during the block: their connections stay open, and nothing arrives."""
    for victim in victims:
        stack.pause(victim)
    try:
        yield
    finally:
        for victim in victims:
            stack.resume(victim)


Away = Callable[..., Any]
aways = pytest.mark.parametrize("away", [killed, hung])


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = steady()
    return act(), steady() - began


@dataclass
class Practice:
    """Two practices: one confirms at once, the other approves."""

    faulty: Faulty
    instant: World
    approval: World
    starts: Iterator[str]
    booking: dict[str, Any]

    @classmethod
    def make(cls, faulty: Faulty) -> "Practice":
        instant = World.make(faulty.stack)
        approval = World.make(faulty.stack, confirmation="CONFIRMATION_APPROVAL")
        # Days from now, so that they can be cancelled; four to an hour, so that they do not meet.
        first = (date.today() + timedelta(days=3)).isoformat()
        starts = iter(instant.slots(**{"from": first})[::4])
        return cls(faulty, instant, approval, starts, instant.book(next(starts)))

    def search(self) -> int:
        """Search once, and return the status."""
        return self._search(Http(self.faulty.stack.url))

    def search_patiently(self) -> int:
        """Search with retries, and return the status; the duration shows whether the first attempt
        failed."""
        return self._search(self.instant.public)

    def _search(self, by: Http) -> int:
        query = {"service": "session", "mode": "telehealth", "tz": "Europe/Berlin"}
        path = f"/providers/{self.instant.username}/slots"
        return by.call("GET", path, params=query).status_code

    def page(self) -> int:
        """Open the booking page, and return the status."""
        url = f"{self.faulty.stack.url}/book/{self.instant.username}"
        return self.instant.public.session.get(url, timeout=60).status_code


@pytest.fixture(scope="module")
def practice(faulty: Faulty) -> Practice:
    return Practice.make(faulty)


@dataclass
class Day:
    """What was done during an outage, and how long each action took."""

    practice: Practice
    took: dict[str, float] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    approved: dict[str, Any] = field(default_factory=dict)
    cancelled: dict[str, Any] = field(default_factory=dict)
    completed: dict[str, Any] = field(default_factory=dict)
    told_before: int = 0  # of the e-mails to the two providers

    @classmethod
    def spent(cls, practice: Practice) -> "Day":
        """Book, approve, cancel, complete, search, and open the booking page."""
        instant, approval = practice.instant, practice.approval
        day = cls(practice, told_before=len(_to_providers(practice)))

        def do(what: str, act: Callable[[], Any], times: int = 1) -> Any:
            # The shortest of several: the machine may pause, but whoever waits does so each time.
            runs = [timed(act) for _ in range(times)]
            day.took[what] = min(took for _, took in runs)
            return runs[0][0]

        day.kept = do("book", lambda: instant.book(next(practice.starts)))
        seen = do("search", lambda: instant.slots(revision=day.kept["revision"]), 3)
        assert _instant(day.kept["start"]) not in map(_instant, seen)
        request = do("request", lambda: approval.book(next(practice.starts)))
        assert request["status"] == "requested"
        confirm = f"/bookings/{request['id']}/confirm"
        day.approved = request | do("confirm", lambda: approval.owner.post(confirm))
        day.cancelled = instant.book(next(practice.starts))
        cancel = f"/bookings/{day.cancelled['id']}/cancel"
        token = {"token": token_of(day.cancelled["manage_url"])}
        visitor = Http(practice.faulty.stack.url, session=patient())
        freed = do("cancel", lambda: visitor.post(cancel, params=token))
        assert freed["status"] == "cancelled"
        again = do("search again", lambda: instant.slots(revision=freed["revision"]), 3)
        assert _instant(day.cancelled["start"]) in map(_instant, again)
        day.completed = instant.book(next(practice.starts))
        instant.come(day.completed)
        complete = f"/bookings/{day.completed['id']}/complete"
        do("complete", lambda: instant.owner.post(complete))
        assert do("page", practice.page, 3) == 200
        return day

    def has_arrived(self) -> None:
        """Check that everything missed during the outage arrived once, except notices that are no
        longer true."""
        faulty, instant = self.practice.faulty, self.practice.instant
        faulty.await_quiet()
        mails = [
            [str(mail["Subject"]) for mail in faulty.mail.to(booking["client"]["email"])]
            for booking in (self.kept, self.approved, self.cancelled)
        ]
        assert [len(of_client) for of_client in mails] == [1, 2, 1], mails
        assert len(_to_providers(self.practice)) - self.told_before == 3
        room = f"/bookings/{self.approved['id']}/room"
        assert self.practice.approval.owner.get(room)["join_url"]
        rooms = "SELECT count(*) FROM rooms WHERE booking_id = %s AND closed_at IS NULL"
        assert [
            quiet.query(faulty.stack, "telehealth-rooms", rooms, booking["id"])[0]["count"]
            for booking in (self.kept, self.approved, self.cancelled)
        ] == [1, 1, 0]
        billables = instant.owner.get("/billables")["billables"]
        assert [x["booking"] for x in billables].count(self.completed["id"]) == 1
        feed = instant.owner.get(f"/providers/{instant.username}/calendar-feed")["url"]
        shown = patient().get(feed, timeout=60).text
        assert self.kept["id"] in shown
        assert self.cancelled["id"] not in shown


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _to_providers(practice: Practice) -> list[Any]:
    addresses = (f"{w.username}@practice.example" for w in (practice.instant, practice.approval))
    return [mail for address in addresses for mail in practice.faulty.mail.to(address)]


@pytest.mark.req("PF-2", "NT-3", "RM-1", "BL-3", "CS-6")
@aways
def test_without_notifications_rooms_billing_and_calendars_booking_goes_on(
    practice: Practice, away: Away
) -> None:
    """What these services missed arrives when they return."""
    stack = practice.faulty.stack
    usual = Day.spent(practice)
    practice.faulty.await_quiet()
    with away(stack, *(process for name in FOUR for process in stack.of(name))):
        day = Day.spent(practice)
        missing = practice.instant.owner.call("GET", "/billables")
        assert (missing.status_code in {503, 504}, missing.headers["Content-Type"]) == (
            True,
            PROBLEM,
        )
    _as_usual(day, usual)
    day.has_arrived()


@pytest.mark.req("PF-2", "SL-8", "NT-3", "RM-1", "BL-3", "CS-6")
@aways
def test_without_nats_booking_goes_on(practice: Practice, away: Away) -> None:
    """Searches that name a revision are right in every replica, and missed events arrive later."""
    stack = practice.faulty.stack
    assert stack.nats
    usual = Day.spent(practice)
    practice.faulty.await_quiet()
    with away(stack, stack.nats):
        time.sleep(FRESH)  # until what is in memory is not trusted any more
        day = Day.spent(practice)
        taken = _instant(day.kept["start"])
        for starts in _starts_by_replica(practice, day.kept["revision"]):
            assert taken not in starts
    _as_usual(day, usual)
    day.has_arrived()
    for starts in _starts_by_replica(practice, ""):
        assert taken not in starts


def _as_usual(day: Day, usual: Day) -> None:
    """Check that no action waited for an unavailable service, except one second for a booking's
    join link."""
    usually = statistics.median(usual.took.values())
    for what, took in day.took.items():
        link = 1.0 if what in {"book", "confirm"} else 0.0
        assert took < link + SECONDS / 2 + 10 * usually, (what, day.took, usual.took)


def _starts_by_replica(practice: Practice, revision: str) -> list[set[datetime]]:
    """Return the free starts of the next days, from each replica of availability."""
    stack, first = practice.faulty.stack, int(time.time()) // 60
    signer = identity.Signer(OPERATOR, stack.secrets.identity_keys[OPERATOR][0])
    found = []
    for port in stack.ports["availability"]:
        with channels.channel(f"ipv4:127.0.0.1:{port}", signer) as channel:
            answer = AvailabilityStub(channel).SearchSlots(
                SearchSlotsRequest(
                    username=practice.instant.username,
                    service="session",
                    mode=MODE_TELEHEALTH,
                    first_minute=first,
                    end_minute=first + 20 * 24 * 60,
                    revision=revision,
                )
            )
        found.append({datetime.fromtimestamp(m * 60, UTC) for m in answer.start_minutes})
    return found


@pytest.mark.req("SL-9")
@aways
def test_without_postgresql_warm_searches_go_on_and_writes_are_refused(
    practice: Practice, away: Away
) -> None:
    """Writes are refused at once if connections break, and within their deadline if PostgreSQL
    hangs. Everything recovers without help."""
    stack = practice.faulty.stack
    assert stack.postgres
    cold = World.make(stack)
    processes = {process.handle.pid for process in stack.processes}
    for _ in range(4):  # both replicas
        assert practice.search() == 200
    headers = {"Idempotency-Key": f"until-it-is-back-{away.__name__}"}
    body = practice.instant.request(next(practice.starts))
    path = f"/providers/{practice.instant.username}/bookings"

    def book() -> requests.Response:
        return Http(stack.url).call("POST", path, json=body, headers=headers)

    def search_cold() -> int:
        today = {"service": "session", "mode": "telehealth", "tz": "UTC"}
        path = f"/providers/{cold.username}/slots"
        return Http(stack.url).call("GET", path, params=today).status_code

    with away(stack, stack.postgres), ThreadPoolExecutor(40) as crowd:
        refused, took = timed(book)
        assert (refused.status_code, refused.json()["reason"]) == (503, "UNAVAILABLE")
        assert refused.headers["Content-Type"] == PROBLEM
        assert refused.headers["Retry-After"] == "1"
        assert took < (SECONDS if away is killed else 3 * SECONDS)
        others = [crowd.submit(timed, call) for call in [book] * 20 + [search_cold] * 4]
        seen = []
        end = steady() + 3
        while steady() < end:
            seen += [timed(practice.search_patiently), timed(practice.page)]
        assert {status for status, _ in seen} == {200}
        assert max(took for _, took in seen) < SECONDS
        for other in others:
            answer, took = other.result()
            assert getattr(answer, "status_code", answer) in {503, 504}
            assert took < 5 * SECONDS
    made = until(book, lambda answer: answer.status_code == 201).json()
    assert book().json()["id"] == made["id"], "it was made once"
    assert until(search_cold, lambda status: status == 200)
    assert {process.handle.pid for process in stack.processes} == processes
    _await_well(practice)
    practice.faulty.await_quiet()
    assert len(practice.faulty.mail.to(body["client"]["email"])) == 1


def test_a_replica_that_hangs_is_left_out(practice: Practice) -> None:
    """Nobody is told that the replica hangs; its callers find out."""
    stack = practice.faulty.stack
    with hung(stack, stack.of("availability")[0]):
        quick = 0

        def search() -> int:
            nonlocal quick
            status, took = timed(practice.search)
            quick = quick + 1 if (status, took < SECONDS / 2) == (200, True) else 0
            return quick

        until(search, lambda found: found == 20)


@dataclass
class Feature:
    """A request that needs one service, and requests that do not."""

    needs: str
    own: Callable[[Practice], int]
    others: tuple[Callable[[Practice], int], ...]


def _owner(path: str) -> Callable[[Practice], int]:
    def call(practice: Practice) -> int:
        world = practice.instant
        known = {"username": world.username, "booking": practice.booking["id"]}
        answer = Http(world.stack.url, world.owner.token).call("GET", path.format(**known))
        return answer.status_code

    return call


_PUBLIC = (Practice.search, Practice.page)
_BILLS = _owner("/billables")
_FEATURES = [
    Feature("billing", _BILLS, _PUBLIC),
    Feature("notifications", _owner("/notices/failed"), _PUBLIC),
    Feature("telehealth-rooms", _owner("/bookings/{booking}/room"), _PUBLIC),
    Feature("calendar-sync", _owner("/providers/{username}/calendar-feed"), _PUBLIC),
    Feature("availability", Practice.search, (_BILLS,)),
]


def _await_well(practice: Practice) -> None:
    """Wait until each service answers with data from PostgreSQL.

    A service that found PostgreSQL silent lets only one call a second through until one succeeds.
    """
    calls = [feature.own for feature in _FEATURES] + 2 * [_owner("/policies"), _owner("/bookings")]
    until(lambda: {call(practice) for call in calls}, lambda found: found == {200})


@pytest.mark.parametrize("feature", _FEATURES, ids=lambda feature: feature.needs)
def test_a_slow_service_costs_its_own_feature_only(practice: Practice, feature: Feature) -> None:
    """Many callers request the slow feature meanwhile."""
    proxies = practice.faulty.stack.proxies[feature.needs]
    assert feature.own(practice) == 200
    for proxy in proxies:
        proxy.delay = 2 * SECONDS
    try:
        with ThreadPoolExecutor(50) as crowd:
            asked = [crowd.submit(timed, lambda: feature.own(practice)) for _ in range(50)]
            time.sleep(0.2)  # until they have all threads, if they can
            for other in feature.others:
                until(partial(other, practice), lambda status: status == 200, 1.5 * SECONDS)
            answers = [call.result() for call in asked]
    finally:
        for proxy in proxies:
            proxy.delay = 0
    assert {status for status, _ in answers} <= {503, 504}
    assert max(took for _, took in answers) < 3 * SECONDS
    _await_well(practice)


@pytest.mark.req("NT-3")
def test_a_mail_server_that_is_down_for_a_day_loses_nothing(practice: Practice) -> None:
    """Recipients that the server refuses permanently are listed as failed, and delay nobody
    else."""
    mail, clock = practice.faulty.mail, practice.faulty.clock_file
    world = World.make(practice.faulty.stack)
    starts = world.slots(**{"from": (date.today() + timedelta(days=5)).isoformat()})[::4]
    told, unknown = world.request(starts[0]), world.request(starts[1])
    addresses = [request["client"]["email"] for request in (told, unknown)]
    mail.refused.add(addresses[1])

    def notices() -> list[dict[str, Any]]:
        return quiet.query(
            practice.faulty.stack,
            "notifications",
            "SELECT state, recipient, attempts FROM notices WHERE practice_id = %s",
            world.practice_id,
        )

    mail.stop()
    try:
        bookings = [world.book_as(request) for request in (told, unknown)]
        for hours in range(0, 24, 3):
            tries = hours // 3 + 1
            clock.write_text(str(hours * 3600))
            until(notices, lambda found: _tried(found, 4, tries))  # noqa: B023  # called before the next round
        assert mail.to(addresses[0]) == []
        mail.start()
        clock.write_text(str(25 * 3600))
        until(notices, lambda found: all(notice["state"] != "queued" for notice in found))
    finally:
        mail.stop()
        mail.start()
        clock.write_text("0")
    states = Counter((notice["recipient"], notice["state"]) for notice in notices())
    assert states == {("provider", "sent"): 2, ("client", "sent"): 1, ("client", "failed"): 1}
    [message] = mail.to(addresses[0])
    assert bookings[0]["manage_url"] in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has a text part
    assert len(mail.to(f"{world.username}@practice.example")) == 2
    assert mail.to(addresses[1]) == []
    [failed] = world.owner.get("/notices/failed")["notices"]
    assert (failed["booking"], failed["recipient"]) == (bookings[1]["id"], "client")
    assert failed["error"] == "MAIL_REFUSED SMTPRecipientsRefused 550"
    mail.refused.clear()
    world.owner.post(f"/notices/{failed['id']}/resend")
    until(lambda: mail.to(addresses[1]), lambda found: len(found) == 1)


def _tried(notices: list[dict[str, Any]], count: int, tries: int) -> bool:
    return len(notices) == count and all(notice["attempts"] >= tries for notice in notices)


class FromAddress(HTTPAdapter):
    """Connects from an address of its own, because one address has only a share of the
    connections."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


def test_beyond_its_capacity_the_gateway_sheds_load_and_lives(practice: Practice) -> None:
    """Repeated overload does not make its memory grow."""
    stack = practice.faulty.stack
    path = f"/providers/{practice.instant.username}"
    body = practice.instant.request(next(practice.starts))
    query = {"service": "session", "mode": "telehealth", "tz": "Europe/Berlin"}

    def one(number: int) -> requests.Response:
        caller = Http(stack.url)
        caller.session.mount("http://", FromAddress(f"127.0.0.{2 + number % 8}"))
        with caller.session:
            if number % 2:
                return caller.call("POST", f"{path}/bookings", json=body)
            return caller.call("GET", f"{path}/slots", params=query)

    with ThreadPoolExecutor(400) as crowd:
        memory = []
        for _ in range(3):
            answers = [*crowd.map(one, range(400))]
            shed = [answer for answer in answers if answer.status_code == 503]
            done = Counter(answer.status_code for answer in answers if answer not in shed)
            # 504: nobody shed them, but on a busy machine their time was over first.
            assert set(done) <= {200, 201, 409, 504}
            assert done[200] > 0
            assert len(shed) > 0
            for answer in shed:
                assert answer.headers["Retry-After"] == "1"
                assert answer.headers["Content-Type"] == PROBLEM
                assert answer.json()["reason"] in {"OVERLOADED", "UNAVAILABLE"}
            assert practice.search() == 200, "it answers right after"
            memory.append(_memory(stack))
    for process, after in memory[-1].items():
        assert after - memory[0][process] < 30_000_000, memory


def _memory(stack: FaultyStack) -> dict[tuple[str, int], int]:
    """Return the bytes of memory of each process, children included."""
    found = {}
    for process in stack.processes:
        parent = psutil.Process(process.handle.pid)
        family = [parent, *parent.children(recursive=True)]
        found[process.name, process.port] = sum(each.memory_info().rss for each in family)
    return found


def test_a_service_refuses_what_it_cannot_take_on(practice: Practice) -> None:
    """The refusal is immediate, while earlier calls are stuck."""
    stack = practice.faulty.stack
    assert stack.postgres
    signer = identity.Signer("availability", stack.secrets.identity_keys["availability"][0])
    token = signer.sign(Identity("service:availability", practice.instant.practice_id))
    metadata = ((identity.METADATA, token),)
    [port] = stack.ports["booking"]
    with ExitStack() as end, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = BookingStub(channel).ListTakenTime
        request = ListTakenTimeRequest(resource_number=1)
        assert ask(request, metadata=metadata, timeout=20) is not None
        end.enter_context(hung(stack, stack.postgres))
        calls = [ask.future(request, metadata=metadata, timeout=SECONDS) for _ in range(400)]
        codes = Counter(call.code().name for call in calls)
        assert codes["RESOURCE_EXHAUSTED"] >= 400 - 128
        assert codes.keys() <= {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
        end.close()

        def answers() -> bool:
            try:
                ask(request, metadata=metadata, timeout=20)
            except grpc.RpcError:
                return False
            return True

        until(answers)
    _await_well(practice)
