"""A session completed by mistake is reopened: what was billed is taken back (spec BK-14, BL-14)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from attune_local.stack import Stack
from attune_testing.waiting import until
from tests.world import World

pytestmark = pytest.mark.req("BK-14", "BL-14", "BL-8")


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return World.make(stack)


@pytest.fixture
def booking(world: World) -> dict[str, Any]:
    """A booking whose time has come."""
    made = world.book()
    world.come(made)
    return made


def shown(world: World, booking: dict[str, Any]) -> Any:
    return world.owner.get(f"/bookings/{booking['id']}")


def billed(world: World, booking: dict[str, Any]) -> int:
    """How often a booking stands among what can be billed."""
    found = world.owner.get("/billables", limit=200)["billables"]
    return [one["booking"] for one in found].count(booking["id"])


def owed(stack: Stack, booking: dict[str, Any]) -> int:
    """What the client owes for a booking, by the ledger."""
    with psycopg.connect(f"{stack.postgres_url}/billing") as database:
        [total] = database.execute(
            "SELECT coalesce(sum(amount), 0) FROM postings JOIN entries ON entries.id = entry_id"
            " WHERE booking_id = %s AND account = 'receivable:client'",
            [booking["id"]],
        ).fetchone() or [0]
    return int(total)


def until_paid_is(world: World, booking: dict[str, Any], status: str) -> None:
    until(lambda: shown(world, booking).get("payment_status"), lambda found: found == status)


def test_what_was_billed_is_taken_back_and_billed_again(
    stack: Stack, world: World, booking: dict[str, Any]
) -> None:
    path = f"/bookings/{booking['id']}"
    completed = world.owner.post(f"{path}/complete")
    until_paid_is(world, booking, "due")
    assert completed["reopen_until"]

    body = {"version": completed["version"]}
    reopened = world.owner.post(f"{path}/reopen", body)
    assert (reopened["status"], reopened["history"][-1]["change"]) == ("confirmed", "reopened")
    assert "reopen_until" not in reopened
    until_paid_is(world, booking, "not_billed")
    assert (billed(world, booking), owed(stack, booking)) == (0, 0)

    world.owner.post(f"{path}/complete")
    until_paid_is(world, booking, "due")
    assert (billed(world, booking), owed(stack, booking)) == (1, 15000)
    assert world.owner.post(f"{path}/reopen", body, status=409)["reason"] == "STALE"


def test_whoever_clicks_what_at_once_one_story_is_billed(
    stack: Stack, world: World, booking: dict[str, Any]
) -> None:
    path = f"/bookings/{booking['id']}"

    def click(number: int) -> None:
        """Complete, or undo what is seen; others may have been faster."""
        if number % 2:
            answer = world.owner.call("POST", f"{path}/complete")
        else:
            version = shown(world, booking)["version"]
            answer = world.owner.call("POST", f"{path}/reopen", json={"version": version})
        assert answer.status_code in (200, 409, 422), answer.text

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(click, range(24)))
    found = shown(world, booking)
    standing = found["status"] == "completed"
    assert found["history"][-1]["change"] == ("completed" if standing else "reopened")
    until_paid_is(world, booking, "due" if standing else "not_billed")
    until(lambda: billed(world, booking), lambda number: number == standing)
    assert owed(stack, booking) == standing * 15000
