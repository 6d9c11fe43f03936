"""`attune smoke` and the synthetic practices that it books with."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
import requests
from click.testing import CliRunner, Result

from attune_local.servers import free_port
from attune_local.stack import Stack
from attune_operator.main import main
from attune_testing.waiting import until
from tests.interference import Answer, between, once, refusal
from tests.world import World

pytestmark = pytest.mark.req("PF-14")
STEPS = ["ready", "profile", "slots", "hold", "book", "read", "slot gone", "cancel", "slot back"]
MAILBOX = "smoke-test@example.com"


@pytest.fixture(scope="module")
def synthetic(stack: Stack) -> World:
    """A synthetic practice."""
    return World.make(stack, synthetic=True)


def smoke(url: str, username: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["smoke", url, "--provider", username, *options])


def steps(run: Result) -> list[str]:
    """Return the steps that a run has printed, in order."""
    return [line[:12].strip() for line in run.stdout.splitlines() if line.endswith((" ms", ")"))]


def bookings(world: World) -> list[dict[str, Any]]:
    """Return all bookings of the practice."""
    return list(world.owner.get("/bookings", limit=200)["bookings"])


def left(world: World) -> list[str]:
    """Return the ids of the bookings and holds that take time."""
    taking = ("confirmed", "requested")
    return [each["id"] for each in bookings(world) if each["status"] in taking] + holds(world)


def holds(world: World) -> list[str]:
    """Return the ids of the holds with the practice's provider."""
    with psycopg.connect(world.stack.database_url("booking")) as database:
        database.execute("SELECT set_config('attune.practice', '*', true)")
        found = database.execute(
            "SELECT id::text FROM holds WHERE provider_id = %s", [world.provider_id]
        )
        return [row[0] for row in found]


def test_a_round_trip_succeeds_and_leaves_nothing(stack: Stack, synthetic: World) -> None:
    before = len(bookings(synthetic))
    run = smoke(stack.url, synthetic.username)
    assert (run.exit_code, steps(run)) == (0, [*STEPS, "all steps"]), run.output
    assert len(bookings(synthetic)) == before + 1
    assert left(synthetic) == []
    for secret in (MAILBOX, "Smoke Test", "Manage", "manage/"):
        assert secret not in run.output


def test_no_mail_leaves_and_staff_see_why(stack: Stack, synthetic: World, world: World) -> None:
    booked, real = synthetic.book(), world.book()
    cancelled = synthetic.owner.post(
        f"/bookings/{booked['id']}/cancel", {"reason": "other", "tell_client": True}
    )
    assert cancelled["status"] == "cancelled"
    # The mail about a later booking elsewhere is there: the earlier events were handled.
    assert world.messages(to=real["client"]["email"])
    assert synthetic.public.get("/dev/messages", to=booked["client"]["email"]) == []
    for path in ("/console", f"/console/bookings/{booked['id']}"):
        assert "Its bookings send no emails" in page(synthetic, path)
    assert "Its bookings send no emails" not in page(world, "/console")
    assert "Nobody attends the appointments" in page(synthetic, f"/book/{synthetic.username}")
    assert "Nobody attends the appointments" not in page(world, f"/book/{world.username}")


def page(world: World, path: str) -> str:
    cookies = {"attune_session": world.owner.token}
    answer = requests.get(f"{world.stack.url}{path}", cookies=cookies, timeout=60)
    assert answer.status_code == 200
    return answer.text


def payment(world: World, booked: dict[str, Any]) -> str:
    """Return the payment status of a booking, empty until billing has told it."""
    shown: dict[str, Any] = world.owner.get(f"/bookings/{booked['id']}")
    return str(shown.get("payment_status", ""))


def test_nothing_is_billed(synthetic: World, world: World) -> None:
    for practice, status in ((synthetic, "not_billed"), (world, "due")):
        booked = practice.book()
        practice.come(booked)
        practice.owner.post(f"/bookings/{booked['id']}/complete")
        assert until(partial(payment, practice, booked)) == status
    assert synthetic.owner.get("/billables")["billables"] == []
    assert len(world.owner.get("/billables")["billables"]) == 1


def test_it_refuses_to_book_with_people(stack: Stack, world: World) -> None:
    run = smoke(stack.url, world.username)
    assert run.exit_code == 1
    assert "is not synthetic, so nothing was booked" in run.output
    assert bookings(world) == []


def test_an_unknown_provider_is_told(stack: Stack) -> None:
    run = smoke(stack.url, "nobody-has-this-name", "--timeout", "5")
    assert run.exit_code == 1
    assert "Error: profile: 404 PROVIDER_NOT_FOUND (trace " in run.output


def test_a_gateway_that_is_away_is_told() -> None:
    run = smoke(f"http://127.0.0.1:{free_port()}", "demo", "--timeout", "2")
    assert run.exit_code == 1
    assert "Error: ready: no answer (ConnectionRefusedError)" in run.output


def test_a_slot_that_was_taken_meanwhile_is_left_to_others(stack: Stack, synthetic: World) -> None:
    others: list[dict[str, Any]] = []

    def take_first(forward: Callable[[], Answer]) -> Answer:
        """Book the slot that the search is about to offer."""
        status, headers, body = forward()
        first = next(s for day in json.loads(body)["days"] for s in day["slots"])
        others.append(synthetic.book(first["start"]))
        return status, headers, body

    with between(stack.url, once("GET slots", take_first)) as url:
        run = smoke(url, synthetic.username)
    assert (run.exit_code, steps(run)) == (0, [*STEPS, "all steps"]), run.output
    (other,) = others
    assert left(synthetic) == [other["id"]]
    synthetic.owner.post(f"/bookings/{other['id']}/cancel", {"reason": "other"})


def test_it_comes_back_when_told_to(stack: Stack, synthetic: World) -> None:
    busy = refusal(429, "TOO_MANY_REQUESTS", **{"Retry-After": "1"})
    with between(stack.url, once("POST bookings", lambda _: busy)) as url:
        run = smoke(url, synthetic.username)
    assert run.exit_code == 0, run.output
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("book ")]
    assert line.endswith("ms (1 retry)")


def test_it_does_not_wait_longer_than_it_may(stack: Stack, synthetic: World) -> None:
    busy = refusal(429, "TOO_MANY_REQUESTS", **{"Retry-After": "3600"})
    with between(stack.url, once("POST bookings", lambda _: busy)) as url:
        run = smoke(url, synthetic.username)
    assert run.exit_code == 1
    assert "Error: book: 429 TOO_MANY_REQUESTS" in run.output
    assert left(synthetic) == []


@pytest.mark.parametrize("lost", ["POST holds", "POST bookings", "POST cancel"])
def test_a_lost_response_changes_nothing(stack: Stack, synthetic: World, lost: str) -> None:
    def lose(forward: Callable[[], Answer]) -> None:
        forward()

    before = len(bookings(synthetic))
    with between(stack.url, once(lost, lose)) as url:
        run = smoke(url, synthetic.username)
    assert (run.exit_code, steps(run)) == (0, [*STEPS, "all steps"]), run.output
    assert len(bookings(synthetic)) == before + 1
    assert left(synthetic) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("POST holds", "hold: 422 REFUSED"),
        ("POST bookings", "book: 422 REFUSED"),
        ("POST cancel", "cancel: 422 REFUSED"),
    ],
)
def test_what_fails_is_told_and_taken_back(
    stack: Stack, synthetic: World, wrong: str, told: str
) -> None:
    with between(stack.url, once(wrong, lambda _: refusal(422, "REFUSED"))) as url:
        run = smoke(url, synthetic.username)
    assert run.exit_code == 1
    assert f"Error: {told}" in run.output
    assert left(synthetic) == []


def test_a_search_that_is_wrong_fails(stack: Stack, synthetic: World) -> None:
    seen: list[Answer] = []

    def stale(asked: str, forward: Callable[[], Answer]) -> Answer:
        """Answer each search as the first."""
        if asked != "GET slots":
            return forward()
        seen.append(seen[0] if seen else forward())
        return seen[-1]

    with between(stack.url, stale) as url:
        run = smoke(url, synthetic.username)
    assert run.exit_code == 1
    assert "Error: slot gone: a search still offers the booked slot" in run.output
    assert left(synthetic) == []


def test_what_was_booked_is_taken_back_on_sigterm(stack: Stack, synthetic: World) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hang(forward: Callable[[], Answer]) -> Answer:
        answer = forward()
        reached.set()
        go_on.wait(60)
        return answer

    before = len(bookings(synthetic))
    with between(stack.url, once("POST bookings", hang)) as url:
        command = "from attune_operator.main import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", command, "smoke", url, "--provider", synthetic.username],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ATTUNE_DATA": str(stack.folder)},
        )
        assert reached.wait(60)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        go_on.set()
    assert process.returncode == 128 + signal.SIGTERM, output
    assert len(bookings(synthetic)) == before + 1
    assert left(synthetic) == []
