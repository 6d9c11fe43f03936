"""Projections are compared with their sources and rebuilt while people book and search (PF-4)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.rows import dict_row

from attune_local.stack import Stack
from attune_operator.main import main
from attune_operator.up import environment_of
from attune_testing import builders
from attune_testing.stubs import AvailabilityStub
from attune_testing.waiting import until
from common.services import package
from tests.world import World

pytestmark = pytest.mark.req("PF-4")

Attune = Callable[..., Result]
_BOOKED = 6  # bookings while the projections are rebuilt


def execute(stack: Stack, service: str, statement: str, **values: Any) -> list[dict[str, Any]]:
    """Execute a statement in a service's database as superuser, and return its rows."""
    url = f"{stack.postgres_url}/{package(service)}"
    with psycopg.connect(url, row_factory=dict_row) as connection:
        done = connection.execute(statement, values)
        return done.fetchall() if done.description else []


@pytest.fixture
def attune(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attune:
    """The `attune` command."""
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    environment_of(stack).save()
    return lambda *arguments: CliRunner().invoke(main, arguments)


@dataclass
class Case:
    """A practice with an upcoming session, another one, and two that were completed."""

    world: World
    first: dict[str, Any]
    second: dict[str, Any]
    completed: dict[str, Any]
    paid: dict[str, Any]

    def age(self) -> None:
        """Have the last changes of all bookings be so old that their events must have arrived."""
        execute(
            self.world.stack,
            "booking",
            "UPDATE bookings SET updated_at = updated_at - interval '10 minutes'"
            " WHERE practice_id = %(id)s",
            id=self.world.practice_id,
        )

    def differences(self, result: Result) -> set[tuple[str, str, str]]:
        """Return what a command found in this practice: service, kind, and id."""
        found = set()
        for line in result.output.splitlines():
            if line.endswith(f"of practice {self.world.practice_id}"):
                service, kind, number, *_ = line.split()
                found.add((service, kind, number))
        return found

    def offers(self, booking: dict[str, Any]) -> bool:
        """Return whether a search offers the start of a booking."""
        start = datetime.fromisoformat(booking["start"])
        return start in map(datetime.fromisoformat, self.world.slots())

    def status(self, booking: dict[str, Any]) -> str | None:
        found: str | None = self.world.owner.get(f"/bookings/{booking['id']}").get("payment_status")
        return found


@pytest.fixture
def case(stack: Stack) -> Case:
    world = World.make(stack)
    free = world.slots()
    starts = free[free.index(world.a_start()) :]
    first, second, completed, paid = (world.book(starts[at]) for at in (0, 4, 8, 12))
    made = Case(world, first, second, completed, paid)
    for booking in (completed, paid):
        world.come(booking)
        world.owner.post(f"/bookings/{booking['id']}/complete")
        until(partial(made.status, booking), lambda status: status == "due")
    for booking in (first, second):
        assert world.messages(booking["client"]["email"])
    assert world.messages(f"{world.username}@practice.example", 4)
    made.age()
    return made


def break_everything(case: Case) -> set[tuple[str, str, str]]:
    """Make each projection differ from its source, and return what a check has to find."""
    stack, first, second = case.world.stack, case.first["id"], case.second["id"]
    execute(stack, "availability", "DELETE FROM taken WHERE ref = %(ref)s", ref=first)
    execute(
        stack,
        "telehealth-rooms",
        "UPDATE rooms SET closed_at = now() WHERE booking_id = %(id)s",
        id=first,
    )
    execute(
        stack,
        "telehealth-rooms",
        "WITH gone AS (DELETE FROM links USING rooms WHERE room_id = rooms.id"
        " AND booking_id = %(id)s) DELETE FROM rooms WHERE booking_id = %(id)s",
        id=second,
    )
    execute(
        stack,
        "notifications",
        "DELETE FROM notices WHERE booking_id = %(id)s AND recipient = 'client'",
        id=first,
    )
    execute(
        stack, "billing", "DELETE FROM billables WHERE booking_id = %(id)s", id=case.completed["id"]
    )
    execute(
        stack,
        "booking",
        "UPDATE bookings SET payment_status = '', payment_version = 0 WHERE id = %(id)s",
        id=case.paid["id"],
    )
    [provider] = execute(
        stack,
        "availability",
        "SELECT number FROM providers WHERE id = %(id)s",
        id=case.world.provider_id,
    )
    return {
        ("availability", "missing", str(provider["number"])),
        ("telehealth-rooms", "different", first),
        ("telehealth-rooms", "missing", second),
        ("notifications", "missing", first),
        ("billing", "missing", case.completed["id"]),
        ("billing", "different", case.paid["id"]),
    }


def search_all_along(case: Case, stop: threading.Event) -> tuple[int, int]:
    """Search until `stop`; return the number of searches, and of those that offered the second
    booking's time."""
    searches = offered = 0
    while not stop.is_set():
        offered += case.offers(case.second)
        searches += 1
    return searches, offered


def book_all_along(case: Case) -> Iterator[dict[str, Any]]:
    """Book, one session after the other."""
    for _ in range(_BOOKED):
        yield case.world.book(case.world.slots()[-1])


def test_drift_is_found_and_repaired_while_people_book_and_search(
    case: Case, attune: Attune
) -> None:
    assert case.differences(attune("projections", "check")) == set()

    wanted = break_everything(case)
    found = attune("projections", "check")
    assert found.exit_code == 1
    assert case.differences(found) == wanted

    # A replica that loads the provider now offers time that is taken; booking refuses it.
    stub = AvailabilityStub(case.world.stack.operator_channel("availability"))
    builders.service_type(stub, case.world.practice_id, slug="another")
    assert until(lambda: case.offers(case.first))
    refused = case.world.public.call(
        "POST",
        f"/providers/{case.world.username}/bookings",
        json=case.world.request(case.first["start"]),
    )
    assert refused.status_code == 409

    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        searched = pool.submit(search_all_along, case, stop)
        booked = pool.submit(lambda: [*book_all_along(case)])
        try:
            services = ("availability", "telehealth-rooms", "notifications", "billing")
            rebuilt = attune("projections", "rebuild", *services)
            made = booked.result()
        finally:
            stop.set()
    searches, offered = searched.result()
    assert searches > 0
    assert offered == 0, "no search sees less than what is taken"
    assert case.differences(rebuilt) == wanted
    assert len({booking["start"] for booking in made}) == _BOOKED

    until(lambda: not case.offers(case.first))
    until(lambda: case.status(case.paid), lambda status: status == "due")
    case.age()
    assert case.differences(attune("projections", "check")) == set()
    for booking in (case.first, case.second):
        assert case.world.owner.get(f"/bookings/{booking['id']}/room")["join_url"]
    client = case.first["client"]["email"]
    assert len(case.world.messages(client, 2)) == 2, "the notice that was lost is sent again"
    bills = case.world.owner.get("/billables", limit=200)["billables"]
    assert sorted(bill["booking"] for bill in bills) == sorted(
        [case.completed["id"], case.paid["id"]]
    )
    [total] = execute(
        case.world.stack,
        "billing",
        "SELECT sum(amount) AS owed FROM postings JOIN entries ON entries.id = entry_id"
        " WHERE entries.practice_id = %(id)s AND account = 'receivable:client'",
        id=case.world.practice_id,
    )
    assert total["owed"] == 2 * 15000, "the ledger owes each session once"


def test_a_synthetic_practice_lacks_neither_notices_nor_bills(stack: Stack, attune: Attune) -> None:
    world = World.make(stack, synthetic=True)
    free = world.slots()
    upcoming, completed = (world.book(free[at]) for at in (8, 12))
    world.come(completed)
    world.owner.post(f"/bookings/{completed['id']}/complete")
    case = Case(world, upcoming, upcoming, completed, completed)
    until(lambda: case.status(completed), lambda status: status == "not_billed")
    case.age()
    assert case.differences(attune("projections", "check")) == set()
