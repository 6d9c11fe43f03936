"""Guessing, locking out, and flooding, against two gateways with production settings; and what
responses and their timing reveal."""

import itertools
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import requests

from attune_local.stack import Stack
from attune_testing.builders import PASSWORD
from tests.gateways import (
    FAILURES,
    FAILURES_BY_ADDRESS,
    HOST,
    PUBLIC_WRITES,
    SIGN_INS,
    WRITES,
    Gateways,
    Peer,
    an_address,
    reason,
)
from tests.people import add_account
from tests.world import Http, World, token_of

WRONG, BLOCKED = "401 WRONG_CREDENTIALS", "429 TOO_MANY_ATTEMPTS"
FLOODED = "429 TOO_MANY_REQUESTS"


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return World.make(stack)


@pytest.fixture
def email(world: World) -> str:
    """The email of an account that only this test uses."""
    return add_account(world, "owner")


def guess(peer: Peer, email: str, times: int) -> list[str]:
    """Send wrong passwords one after the other, alternating between the gateways; return the
    reasons."""
    return [reason(peer.sign_in(email, "a guess")) for _ in range(times)]


def lock(peer: Peer, email: str) -> None:
    """Guess until this account is locked for this caller."""
    peer.gateways.lock(lambda: peer.sign_in(email, "a guess"))


# Locking out


@pytest.mark.req("GW-12", "GW-14")
def test_guesses_lock_whoever_guesses_and_nobody_else(guarded: Gateways, email: str) -> None:
    attacker, owner = Peer(guarded), Peer(guarded)
    assert guess(attacker, email, FAILURES) == [WRONG] * FAILURES
    lock(attacker, email)
    for _ in guarded.pair:
        assert reason(attacker.sign_in(email, PASSWORD)) == BLOCKED, "at both"
    for _ in guarded.pair:
        assert reason(owner.sign_in(email, PASSWORD)) == "200", "from elsewhere"
    assert reason(attacker.sign_in(email, PASSWORD)) == BLOCKED, "that changed nothing"


@pytest.mark.req("GW-14")
def test_a_household_is_one_address_and_its_neighbour_another(
    guarded: Gateways, email: str
) -> None:
    network = an_address().removesuffix("::1")
    for number in range(FAILURES):
        one_of_them = Peer(guarded, f"{network}:{number:x}:2:3:4")
        assert guess(one_of_them, email, 1) == [WRONG]
    lock(Peer(guarded, f"{network}:fe::9"), email)
    assert reason(Peer(guarded, f"{network}:ff::9").sign_in(email, PASSWORD)) == BLOCKED
    mapped = Peer(guarded, f"::ffff:198.51.100.{secrets.randbelow(200)}")
    assert reason(mapped.sign_in(email, PASSWORD)) == "200"
    assert reason(Peer(guarded).sign_in(email, PASSWORD)) == "200", "the next network"


@pytest.mark.req("GW-12", "GW-14")
def test_many_accounts_from_one_address_lock_that_address(
    guarded: Gateways, world: World, email: str
) -> None:
    attacker = Peer(guarded)
    for _ in range(FAILURES_BY_ADDRESS):
        assert guess(attacker, f"{secrets.token_hex(6)}@staff.example", 1) == [WRONG]
    guarded.lock(lambda: attacker.sign_in(f"{secrets.token_hex(6)}@staff.example", "a guess"))
    for tried in (email, add_account(world, "manager"), "nobody@staff.example"):
        assert reason(attacker.sign_in(tried, PASSWORD)) == BLOCKED
    assert reason(Peer(guarded).sign_in(email, PASSWORD)) == "200"


@pytest.mark.req("GW-12")
def test_a_browser_that_signed_in_before_is_not_locked_out_by_its_neighbours(
    guarded: Gateways, world: World, email: str
) -> None:
    owner = Peer(guarded)
    device = owner.sign_in(email, PASSWORD).cookies["__Host-attune_device"]
    attacker = Peer(guarded, owner.address)
    lock(attacker, email)
    other = Peer(guarded).sign_in(add_account(world, "owner"), PASSWORD)
    for stolen in (
        other.cookies["__Host-attune_device"],
        f"{device[:-4]}AAAA",
        device.partition(".")[2],
        "",
    ):
        attacker.cookies = {"__Host-attune_device": stolen}
        assert reason(attacker.sign_in(email, PASSWORD)) == BLOCKED, "not of this account"
    owner.cookies = {"__Host-attune_device": device}
    assert reason(owner.sign_in(email, PASSWORD)) == "200"
    lock(owner, email)
    assert reason(owner.sign_in(email, PASSWORD)) == BLOCKED, "guesses count there too"


@pytest.mark.req("GW-14")
def test_what_a_caller_says_of_its_address_counts_for_nothing(
    guarded: Gateways, email: str
) -> None:
    """A forged address neither hides guesses nor counts them against somebody else."""
    attacker, victim = Peer(guarded), Peer(guarded)
    said = [
        {"X-Forwarded-For": f"{victim.address}, {attacker.address}"},
        {"X-Forwarded-For": f"127.0.0.1, {attacker.address}"},
        {"X-Forwarded-For": f"nonsense,, , {attacker.address}"},
    ]
    lies = itertools.cycle(said)
    guarded.lock(lambda: attacker.sign_in(email, "a guess", **next(lies)))
    for headers in said:
        assert reason(attacker.sign_in(email, PASSWORD, **headers)) == BLOCKED
    assert reason(victim.sign_in(email, PASSWORD)) == "200"


@pytest.mark.req("GW-14")
def test_without_a_proxy_of_ours_only_the_connection_tells_the_address(guarded: Gateways) -> None:
    login = {"email": f"{secrets.token_hex(6)}@staff.example", "password": "a guess"}

    numbers = itertools.count(1)

    def attempt() -> requests.Response:
        lie = f"198.51.100.{next(numbers)}"
        headers = {
            "Host": HOST,
            "X-Forwarded-For": lie,
            "Forwarded": f"for={lie}",
            "X-Real-IP": lie,
            "True-Client-IP": lie,
            "CF-Connecting-IP": lie,
            "X_Forwarded_For": lie,
            "X-Client-IP": lie,
        }
        path = f"{guarded.alone}/api/v1/auth/login"
        return requests.post(path, json=login, headers=headers, timeout=60)

    assert [reason(attempt()) for _ in range(FAILURES)] == [WRONG] * FAILURES
    guarded.lock(attempt)
    assert reason(attempt()) == BLOCKED


# Flooding


def flood(call: Callable[[int], requests.Response], times: int) -> Counter[str]:
    with ThreadPoolExecutor(4) as crowd:
        return Counter(reason(answer) for answer in crowd.map(call, range(times)))


@pytest.mark.req("GW-14")
def test_attempts_to_sign_in_are_limited_over_both_gateways(guarded: Gateways) -> None:
    """The limit holds whatever is tried, and whatever headers pretend another caller."""
    address = an_address()

    def attempt(number: int) -> requests.Response:
        peer = Peer(guarded, address)
        peer.token = f"token-{number}"
        peer.cookies = {"__Host-attune_visitor": secrets.token_urlsafe(24)}
        return peer.call(
            "POST",
            "/api/v1/auth/login",
            {"X-Visitor-Id": secrets.token_urlsafe(24), "User-Agent": f"Browser {number}"},
            json={"email": "not even complete"},
        )

    answers = flood(attempt, SIGN_INS + 8)
    assert answers == {"400 INVALID": SIGN_INS, FLOODED: 8}
    assert guess(Peer(guarded), "nobody@staff.example", 1) == [WRONG]


@pytest.mark.req("GW-14", "BK-3")
def test_what_anybody_may_write_is_limited_over_both_gateways(
    guarded: Gateways, world: World
) -> None:
    """Holds and bookings are counted together, through the API and the pages."""
    address = an_address()
    wanted = {"service": "session", "mode": "telehealth", "start": "2031-01-01T00:00:00Z"}

    def hold(_: int) -> requests.Response:
        return Peer(guarded, address).call(
            "POST",
            f"/api/v1/providers/{world.username}/holds",
            {"X-Visitor-Id": secrets.token_urlsafe(24)},
            json=wanted,
        )

    answers = flood(hold, PUBLIC_WRITES + 5)
    assert answers[FLOODED] == 5
    body = world.request("2031-01-01T00:00:00Z")
    flooded = Peer(guarded, address)
    path = f"/api/v1/providers/{world.username}/bookings"
    assert reason(flooded.call("POST", path, json=body)) == FLOODED
    page = flooded.call("GET", f"/book/{world.username}", params=wanted)
    assert page.status_code == 409, "reading goes on; this time is too far ahead"
    flooded.cookies = page.cookies.get_dict()
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', page.text))
    form = {**wanted, "csrf_token": token}
    assert flooded.call("POST", f"/book/{world.username}/hold", data=form).status_code == 429
    assert reason(Peer(guarded).call("POST", path, json=body)) != FLOODED


@pytest.mark.req("GW-14")
def test_an_accounts_writes_are_limited_wherever_they_come_from(
    guarded: Gateways, world: World, email: str
) -> None:
    token = Peer(guarded).sign_in(email, PASSWORD).json()["token"]
    colleague = Peer(guarded).sign_in(add_account(world, "owner"), PASSWORD).json()["token"]

    def confirm(_: int, token: str = token) -> requests.Response:
        return Peer(guarded, token=token).call("POST", f"/api/v1/bookings/{uuid4()}/confirm")

    assert flood(confirm, WRITES + 4) == {"404 NOT_FOUND": WRITES, FLOODED: 4}
    assert reason(confirm(0, colleague)) == "404 NOT_FOUND"
    reading = Peer(guarded, token=token)
    assert reading.call("GET", "/api/v1/bookings").status_code == 200


@pytest.mark.req("GW-14")
def test_a_manage_links_writes_are_limited_by_address(guarded: Gateways, world: World) -> None:
    booking = world.book()
    path = f"/api/v1/bookings/{uuid4()}/cancel"
    query = {"token": token_of(booking["manage_url"])}
    address = an_address()

    def cancel(_: int) -> requests.Response:
        return Peer(guarded, address).call("POST", path, params=query, json={})

    assert flood(cancel, WRITES + 3) == {"404 NOT_FOUND": WRITES, FLOODED: 3}


@pytest.mark.req("GW-12")
def test_a_session_that_ends_at_one_gateway_has_ended_at_the_other(
    guarded: Gateways, email: str
) -> None:
    token = Peer(guarded).sign_in(email, PASSWORD).json()["token"]
    here = Peer(guarded, token=token)
    assert [here.call("GET", "/api/v1/bookings").status_code for _ in guarded.pair] == [200, 200]
    assert here.call("POST", "/api/v1/auth/logout").status_code == 204
    assert [here.call("GET", "/api/v1/bookings").status_code for _ in guarded.pair] == [401, 401]


# What answers give away


def told(answer: requests.Response) -> Any:
    """Return a response without what is specific to one request and without how far limits are
    used."""
    own = ("Date", "Content-Length", "Set-Cookie", "RateLimit-", "Retry-After", "X-Request-Id")
    headers = {name: value for name, value in answer.headers.items() if not name.startswith(own)}
    if "json" in answer.headers["Content-Type"]:
        return answer.status_code, headers, {**answer.json(), "trace_id": ""}
    return answer.status_code, headers, sorted(answer.cookies.keys())


def assert_alike(calls: Mapping[str, Callable[[], requests.Response]], rounds: int) -> float:
    """Check that all calls get the same response in similar time; return the shortest time in
    seconds. On a busy machine equal work varies, but different work differs at every attempt."""
    for _ in range(3):
        least = _least_seconds(calls, rounds)
        if max(least.values()) < 1.8 * min(least.values()):
            return min(least.values())
    raise AssertionError(least)


def _least_seconds(
    calls: Mapping[str, Callable[[], requests.Response]], rounds: int
) -> dict[str, float]:
    """Return the shortest time of each call, which is closest to the cost of the work itself."""
    least: dict[str, float] = {}
    answers = []
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            answers.append(told(call()))
            least[name] = min(least.get(name, 1e9), time.perf_counter() - began)
    for answer in answers:
        assert answer == answers[0]
    return least


@pytest.mark.req("GW-14")
def test_whether_there_is_an_account_is_told_by_neither_answer_nor_time(
    stack: Stack, guarded: Gateways, world: World, email: str
) -> None:
    disabled = add_account(world, "owner")
    with psycopg.connect(f"{stack.postgres_url}/gateway") as database:
        newest = "(SELECT id FROM accounts ORDER BY created_at DESC LIMIT 1)"
        database.execute(f"UPDATE accounts SET disabled_at = now() WHERE id = {newest}")  # noqa: S608  # a constant

    def failing(who: str, password: str) -> Callable[[], requests.Response]:
        return lambda: Peer(guarded).sign_in(who, password)

    least = assert_alike(
        {
            "wrong password": failing(email, "not the password"),
            "no account": failing("nobody@staff.example", "not the password"),
            "disabled": failing(disabled, PASSWORD),
            "no e-mail at all": failing("nobody", "not the password"),
            "a very long password": failing("nobody@staff.example", "x" * 200),
        },
        rounds=9,
    )
    assert least > 0.005, "a password was checked each time"


@pytest.mark.req("GW-14")
def test_a_lock_is_the_same_whether_or_not_there_is_an_account(
    guarded: Gateways, email: str
) -> None:
    known, unknown = Peer(guarded), Peer(guarded)

    def guess_both() -> requests.Response:
        known.sign_in(email, "a guess")
        return unknown.sign_in("nobody@staff.example", "a guess")

    guarded.lock(guess_both)
    assert_alike(
        {
            "known": lambda: known.sign_in(email, PASSWORD),
            "unknown": lambda: unknown.sign_in("nobody@staff.example", PASSWORD),
        },
        rounds=5,
    )


@pytest.mark.req("GW-13", "GW-14")
def test_whether_a_thing_of_others_is_there_is_told_by_neither_answer_nor_time(
    stack: Stack, world: World
) -> None:
    stranger = World.make(stack).owner
    booking = world.owner.get(f"/bookings/{world.book()['id']}")
    token = token_of(world.book()["manage_url"])
    things: list[tuple[Callable[[str], str], str]] = [
        (lambda found: f"/api/v1/bookings/{found}", booking["id"]),
        (lambda found: f"/api/v1/clients/{found}", booking["client"]["id"]),
    ]
    for path, theirs in things:
        assert_alike(
            {
                "theirs": lambda path=path, theirs=theirs: _get(stranger, path(theirs)),  # type: ignore[misc]  # bound now
                "nobody's": lambda path=path: _get(stranger, path(str(uuid4()))),  # type: ignore[misc]  # bound now
            },
            rounds=15,
        )
    nobody = Http(stack.url)
    for page in ("/manage/{}", "/join/{}", "/calendar/{}.ics"):
        assert_alike(
            {
                "a bit off": lambda page=page: _get(nobody, page.format(f"{token[:-1]}_")),  # type: ignore[misc]  # bound now
                "random": lambda page=page: _get(  # type: ignore[misc]  # bound now
                    nobody, page.format(secrets.token_urlsafe(32))
                ),
                "short": lambda page=page: _get(nobody, page.format("x")),  # type: ignore[misc]  # bound now
            },
            rounds=7,
        )


def _get(who: Http, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    return who.session.get(f"{who.base}{path}", headers=headers, timeout=60)


@pytest.mark.req("GW-14", "CL-2", "BK-1")
def test_whether_an_email_is_known_is_told_by_neither_answer_nor_time(world: World) -> None:
    """Booking with the email of a client of this or another practice reveals nothing about the
    client."""
    known = world.request(world.a_start(), note="Private")
    known["client"] |= {"phone": "+12125550100", "timezone": "Asia/Tokyo"}
    first = world.book_as(known)
    world.come(first)
    world.owner.post(f"/bookings/{first['id']}/complete")
    details = {"name": "Somebody Else", "timezone": "Europe/Berlin"}
    answers = [
        world.book(client={**details, "email": email})
        for email in (known["client"]["email"], f"{secrets.token_hex(6)}@client.example")
    ]
    clocks = ("id", "start", "end", "revision", "created_at", "manage_url", "join_url")
    of_client, of_stranger = ({**a, **dict.fromkeys(clocks, "")} for a in answers)
    for answer in (of_client, of_stranger):
        answer["client"] = {**answer["client"], "email": "", "id": ""}
        answer["cancel_until"] = ""
        answer["history"] = [{**change, "at": ""} for change in answer["history"]]
    assert of_client == of_stranger
    assert "Tokyo" not in str(answers[0])
    assert "5550100" not in str(answers[0])

    path = f"/providers/{world.username}/bookings"
    off_grid = world.a_start().replace(":00:00", ":07:00", 1)

    def ask(email: str) -> requests.Response:
        body = world.request(off_grid)
        body["client"]["email"] = email
        return world.public.call("POST", path, json=body)

    assert_alike(
        {
            "known": lambda: ask(known["client"]["email"]),
            "unknown": lambda: ask(f"{secrets.token_hex(6)}@client.example"),
        },
        rounds=25,
    )
