"""An event or job that cannot be handled delays no other, is kept where staff find it, and is
handled once its cause is gone (spec PF-2)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from attune.billing.v1.events_pb2 import PaymentStatusChanged
from attune.booking.v1.booking_pb2 import PAYMENT_STATUS_DUE
from attune.booking.v1.events_pb2 import BookingConfirmed, BookingFact, TakenTimeChanged
from attune_testing.waiting import steady, until
from common.messaging import dead_letters
from common.messaging.consumer import DELAYS
from common.messaging.dead_letters import DeadLetter
from common.messaging.nats import LARGEST, MESSAGE_ID, Message
from common.services import package
from tests.faults import FaultyStack
from tests.integration.chaos.quiet import query
from tests.integration.conftest import Faulty
from tests.world import Http, World, token_of

pytestmark = pytest.mark.req("PF-2")
CONFIRMED = BookingConfirmed.DESCRIPTOR.full_name
TAKEN = TakenTimeChanged.DESCRIPTOR.full_name
ROOMS, NOTIFICATIONS = "telehealth-rooms", "notifications"
GARBAGE = b"\xff\xfe\xfd"
_UNKNOWN_FIELD = b"\xfa\x3e\x03new"  # number 1007, as a later version might send


@dataclass
class Poisoned:
    """Poison that has been on its way through every mechanism since `since`, and a practice whose
    rooms cannot be opened until `heal`."""

    faulty: Faulty
    sick: World
    since: datetime
    garbage: str  # the event's id
    nonsense: str
    taken: str
    waiting: dict[str, Any] = field(default_factory=dict)  # a booking whose room cannot be opened
    cancelled: dict[str, Any] = field(default_factory=dict)  # another, cancelled meanwhile

    def letters(self) -> list[DeadLetter]:
        """Return the dead letters that this module has caused."""
        known = {self.garbage, self.nonsense, self.taken}
        return [
            letter
            for letter in dead_letters.oldest(self.faulty.bus)
            if letter.event_id in known or self.sick.practice_id.encode() in letter.payload
        ]


@pytest.fixture(scope="module")
def poisoned(faulty: Faulty) -> Iterator[Poisoned]:
    garbage, nonsense_id, taken = (str(uuid4()) for _ in range(3))
    made = Poisoned(
        faulty, World.make(faulty.stack), datetime.now(UTC), garbage, nonsense_id, taken
    )
    nonsense = BookingConfirmed(booking=BookingFact(practice_id="nonsense", booking_id="none"))
    messages = [
        Message(CONFIRMED, GARBAGE, {MESSAGE_ID: made.garbage}),
        Message(CONFIRMED, nonsense.SerializeToString(), {MESSAGE_ID: made.nonsense}),
        Message(TAKEN, GARBAGE, {MESSAGE_ID: made.taken}),
    ]
    assert faulty.bus.publish(messages) == []
    with rooms_cannot_be_opened(faulty.stack, made.sick.practice_id):
        in_days = (date.today() + timedelta(days=3)).isoformat()
        first, second = made.sick.slots(**{"from": in_days})[::8][:2]
        made.waiting = made.sick.book(first)
        made.cancelled = made.sick.book(second)
        cancel(made.cancelled, made.sick)
        yield made


@contextmanager
def rooms_cannot_be_opened(stack: FaultyStack, practice_id: str) -> Iterator[None]:
    """Make the handler of confirmations raise for this practice."""
    execute(
        stack,
        ROOMS,
        f"""
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.practice_id = '{practice_id}' THEN RAISE EXCEPTION 'poison'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER poison BEFORE INSERT ON links FOR EACH ROW EXECUTE FUNCTION poison()
        """,
    )
    try:
        yield
    finally:
        heal(stack)


def heal(stack: FaultyStack) -> None:
    """Remove the cause of the failure."""
    execute(stack, ROOMS, "DROP TRIGGER IF EXISTS poison ON links; DROP FUNCTION IF EXISTS poison")


def execute(stack: FaultyStack, service: str, statement: str, *values: Any) -> None:
    """Execute a statement on a service's database as superuser."""
    url = f"{stack.direct_postgres_url}/{package(service)}"
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values or None)


def attune(stack: FaultyStack, *arguments: str) -> list[str]:
    """Run the `attune` command and return the lines that it prints."""
    command = [str(Path(sys.executable).parent / "attune"), *arguments]
    env = {**os.environ, "NATS_URL": stack.direct_nats_url}
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def cancel(booking: dict[str, Any], world: World) -> None:
    token = token_of(booking["manage_url"])
    Http(world.stack.url).post(f"/bookings/{booking['id']}/cancel", params={"token": token})


def test_it_stops_nobody(poisoned: Poisoned) -> None:
    """While the poison is still being retried, other listeners to the same events, the replicas'
    memory, the relay, and jobs carry on."""
    stack, mail = poisoned.faulty.stack, poisoned.faulty.mail
    oversized, unreadable = uuid4(), f"unreadable-{uuid4()}"
    execute(
        stack,
        "booking",
        "INSERT INTO outbox (id, subject, payload, headers) VALUES (%s, %s, %s, '{}')",
        *(oversized, CONFIRMED, bytes(LARGEST)),
    )
    execute(
        stack,
        NOTIFICATIONS,
        "INSERT INTO due (kind, key, practice_id, due_at) VALUES ('deliver', %s, %s, %s)",
        *(unreadable, uuid4(), datetime.now(UTC) - timedelta(days=30)),
    )
    well = World.make(stack)
    body = well.request(well.slots()[0])
    began = steady()
    booking = well.book_as(body)
    assert booking["start"] not in well.slots(revision=booking["revision"], tz="Europe/Berlin")
    until(lambda: mail.to(body["client"]["email"]), lambda found: len(found) == 1)
    well.come(booking)
    well.owner.post(f"/bookings/{booking['id']}/complete")
    until(lambda: well.owner.get("/billables")["billables"], lambda found: len(found) == 1)
    took = steady() - began
    assert took < sum(DELAYS), "nobody waits for the attempts of what is poison"

    [row] = query(stack, "booking", "SELECT id FROM outbox")
    assert row["id"] == oversized, "it stays where it is, and all else has left"
    due = "SELECT attempts, due_at > now() AS later FROM due WHERE key = %s"
    until(
        lambda: query(stack, NOTIFICATIONS, due, unreadable),
        lambda found: all(work["later"] for work in found),
    )
    execute(stack, "booking", "DELETE FROM outbox WHERE id = %s", oversized)
    execute(stack, NOTIFICATIONS, "DELETE FROM due WHERE key = %s", unreadable)


def test_what_a_later_version_adds_is_no_poison(faulty: Faulty) -> None:
    world = World.make(faulty.stack)
    booking = world.book()
    event = PaymentStatusChanged(
        practice_id=world.practice_id,
        booking_id=booking["id"],
        payment_status=PAYMENT_STATUS_DUE,
        version=1,
    )
    payload = event.SerializeToString() + _UNKNOWN_FIELD
    faulty.bus.publish([Message(event.DESCRIPTOR.full_name, payload, {MESSAGE_ID: str(uuid4())})])
    until(
        lambda: world.owner.get(f"/bookings/{booking['id']}").get("payment_status"),
        lambda status: status == "due",
    )


def test_it_ends_among_the_dead_letters_is_shown_and_replayed(poisoned: Poisoned) -> None:
    stack, sick, waiting = poisoned.faulty.stack, poisoned.sick, poisoned.waiting["id"]
    until(poisoned.letters, lambda found: len(found) == 6, sum(DELAYS) + 20)
    letters = poisoned.letters()
    assert sorted((x.service, x.subject, x.error) for x in letters) == [
        ("availability", TAKEN, "DecodeError"),
        (NOTIFICATIONS, CONFIRMED, "DecodeError"),
        (NOTIFICATIONS, CONFIRMED, "ValueError"),
        (ROOMS, CONFIRMED, "DecodeError"),
        (ROOMS, CONFIRMED, "ProgrammingError"),
        (ROOMS, CONFIRMED, "ValueError"),
    ]
    assert all(x.time - poisoned.since > timedelta(seconds=sum(DELAYS)) for x in letters)
    [mine] = [x for x in letters if x.error == "ProgrammingError"]
    listed = attune(stack, "dead-letters", "list")
    line = f"{mine.sequence:>8}  {mine.time:%Y-%m-%dT%H:%M:%SZ}  {ROOMS}  {CONFIRMED}  {mine.error}"
    assert line in listed
    assert listed[-1] == f"{len(listed) - 1} dead letters"

    heal(stack)
    assert attune(stack, "dead-letters", "replay", str(mine.sequence)) == ["1 replayed"]

    def rooms() -> list[dict[str, Any]]:
        return query(
            stack,
            ROOMS,
            "SELECT booking_id::text AS booking, closed_at IS NULL AS open, count(links.id) AS ways"
            " FROM rooms LEFT JOIN links ON links.room_id = rooms.id"
            " WHERE rooms.practice_id = %s GROUP BY 1, 2",
            sick.practice_id,
        )

    until(rooms, lambda found: {"booking": waiting, "open": True, "ways": 2} in found)
    closed = {"booking": poisoned.cancelled["id"], "open": False, "ways": 0}
    assert closed in rooms(), "news that are old by now open nothing"
    handled = query(stack, ROOMS, "SELECT FROM inbox WHERE message_id = %s", mine.event_id)
    assert len(handled) == 1
    assert mine.event_id not in {x.event_id for x in poisoned.letters()}
    # Those who had handled it before did not do it again.
    url, client = poisoned.waiting["manage_url"], poisoned.waiting["client"]["email"]
    poisoned.faulty.clock_file.write_text("180")  # the e-mail waits for the room, then leaves
    try:
        until(lambda: poisoned.faulty.mail.to(client), lambda found: len(found) > 0)
    finally:
        poisoned.faulty.clock_file.write_text("0")
    [told] = poisoned.faulty.mail.to(client)
    text = told.get_body(("plain",))
    assert text
    assert url in text.get_content()
