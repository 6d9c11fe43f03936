"""Backup and restore of everything, by the very commands of docs/operations.md (spec PF-17).

`test_restore.py` is the short form, with one database."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from attune_local.servers import free_port, stop
from attune_local.stack import Process, Stack, make_database
from attune_testing.waiting import until
from common.services import GATEWAY, SERVICES, package
from tests.backups import Documented
from tests.world import PATIENT, World

pytestmark = [pytest.mark.req("PF-17"), pytest.mark.soak]

_CONSUMERS = ("telehealth-rooms", "notifications", "billing")


class Site:
    """An Attune of its own, whose parts are lost and restored."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack(folder / "attune", free_port(), extra=PATIENT)
        self.folder = folder
        self.documented: Documented

    def begin(self) -> None:
        self.stack.start()
        backups = self.folder / "backups"
        backups.mkdir()
        self.documented = Documented(self.stack, self.stack.postgres_url, backups)

    def run(self, part: str) -> str:
        """Run a block of the documentation, and return what it printed."""
        return self.documented.run(part)

    def processes(self, *services: str) -> list[Process]:
        return [process for process in self.stack.processes if process.name in services]

    def stop(self, processes: Sequence[Process]) -> None:
        for process in processes:
            process.handle.send_signal(signal.SIGTERM)
        for process in processes:
            stop(process.handle, signal.SIGTERM, 30)

    def start(self, processes: Sequence[Process]) -> None:
        for process in [self.stack.restart(process) for process in processes]:
            self.stack.await_ready(process)

    def query(self, service: str, statement: str, *values: Any) -> list[dict[str, Any]]:
        url = f"{self.stack.postgres_url}/{package(service)}"
        with psycopg.connect(url, row_factory=dict_row) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

    def age(self) -> None:
        """Have a minute pass since the last change of each booking."""
        change = "UPDATE bookings SET updated_at = updated_at - interval '2 minutes'"
        self.query("booking", change)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="attune-site-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
        made = Site(folder)
        try:
            made.begin()
            yield made
        finally:
            made.stack.stop()


@pytest.fixture(scope="module")
def world(site: Site) -> World:
    return World.make(site.stack)


def billed(world: World) -> list[str]:
    """Return the bookings that can be billed."""
    return [bill["booking"] for bill in world.owner.get("/billables", limit=200)["billables"]]


def owed(site: Site, world: World) -> int:
    [row] = site.query(
        "billing",
        "SELECT coalesce(sum(amount), 0) AS owed FROM postings"
        " WHERE practice_id = %s AND account = 'receivable:client'",
        world.practice_id,
    )
    return int(row["owed"])


def mails(world: World, booking: dict[str, Any]) -> list[str]:
    found = world.public.get("/dev/messages", to=booking["client"]["email"])
    return [message["subject"] for message in found]


def is_offered(world: World, booking: dict[str, Any]) -> bool:
    return booking["start"] in world.slots(tz="Europe/Berlin")


def test_without_its_disk_nats_costs_nothing_for_good(site: Site, world: World) -> None:
    """What was published but not handled is made up for by rebuilding."""
    done = world.book(world.a_start())
    world.come(done)
    away = site.processes(*_CONSUMERS)
    site.stop(away)
    world.owner.post(f"/bookings/{done['id']}/complete")
    booking = world.book(world.slots()[-1])
    for service in ("booking", "availability"):
        until(partial(site.query, service, "SELECT FROM outbox"), lambda rows: not rows)

    assert site.stack.nats
    site.stack.nats.stop()
    shutil.rmtree(site.stack.folder / "nats")
    site.stack.nats.start()
    site.start(away)
    site.age()
    site.run("attune projections rebuild")
    assert until(partial(mails, world, booking))
    assert until(partial(billed, world)) == [done["id"]]
    assert owed(site, world) == 15000
    paid = partial(world.owner.get, f"/bookings/{done['id']}")
    until(paid, lambda shown: shown.get("payment_status") == "due")
    room = site.query(
        "telehealth-rooms", "SELECT closed_at FROM rooms WHERE booking_id = %s", booking["id"]
    )
    assert room == [{"closed_at": None}]
    assert len(mails(world, booking)) == 1


def test_a_restored_database_and_a_replay_lose_nothing_that_was_committed(
    site: Site, world: World
) -> None:
    kept = world.book(world.slots()[-9])
    until(partial(mails, world, kept))
    [room] = site.query(
        "telehealth-rooms", "SELECT id FROM rooms WHERE booking_id = %s", kept["id"]
    )
    # Completed before the backup, billed only after it.
    late = world.book(world.a_start(3))
    until(partial(mails, world, late))
    world.come(late)
    billing = site.processes("billing")
    site.stop(billing)
    world.owner.post(f"/bookings/{late['id']}/complete")
    until(partial(site.query, "booking", "SELECT FROM outbox"), lambda rows: not rows)
    assert "gateway: " in site.run("pg_dump")

    site.start(billing)
    until(partial(billed, world), lambda found: late["id"] in found)
    lost = world.book(world.slots()[-5])
    until(partial(mails, world, lost))
    cancelled = world.owner.post(f"/bookings/{kept['id']}/cancel", {"reason": "provider_ill"})
    assert cancelled["status"] == "cancelled"

    lose_postgresql(site)
    site.run("pg_restore")
    site.run("attune bookings restored")
    site.start([*site.stack.processes])

    # Nothing that was committed before the backup is lost, and nothing is done twice.
    assert world.owner.get(f"/bookings/{kept['id']}")["status"] == "confirmed"
    until(partial(billed, world), lambda found: late["id"] in found)
    until(
        partial(site.query, "notifications", "SELECT FROM notices WHERE state = 'queued'"),
        lambda rows: not rows,
    )
    site.age()
    rebuilt = site.run("attune projections rebuild")
    assert f"extra {lost['id']} of practice {world.practice_id}" in rebuilt
    assert sorted(billed(world)) == sorted({*billed(world)})
    assert owed(site, world) == 15000 * len(billed(world))
    assert len(mails(world, kept)) == len(mails(world, late)) == 1
    rooms = "SELECT id, closed_at FROM rooms WHERE booking_id = %s"
    assert site.query("telehealth-rooms", rooms, kept["id"]) == [
        {"id": room["id"], "closed_at": None}
    ]

    # What was committed after it is gone, and its time is free; the kept booking's is not.
    assert world.owner.call("GET", f"/bookings/{lost['id']}").status_code == 404
    until(partial(is_offered, world, lost))
    until(partial(is_offered, world, kept), lambda offered: not offered)

    # All goes on as before: what others have seen since the backup is not taken for old news.
    again = world.book(lost["start"])
    assert not is_offered(world, again)
    assert until(partial(mails, world, again))
    world.owner.post(f"/bookings/{kept['id']}/cancel", {"reason": "provider_ill"})
    until(partial(mails, world, kept), lambda found: len(found) == 2)
    until(
        partial(site.query, "telehealth-rooms", rooms, kept["id"]),
        lambda rows: rows[0]["closed_at"],
    )
    until(partial(is_offered, world, kept))


def lose_postgresql(site: Site) -> None:
    """Stop everything but NATS, and start an empty PostgreSQL."""
    assert site.stack.postgres
    site.stop(site.stack.processes)
    site.stack.postgres.stop()
    shutil.rmtree(site.stack.folder / "postgres")
    site.stack.postgres.start()
    for service in (*SERVICES, GATEWAY):
        password = site.stack.secrets.database_password
        make_database(site.stack.postgres_url, package(service), password)
