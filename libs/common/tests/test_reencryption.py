"""Re-encryption under a new key, while other transactions use the rows."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select, text

from attune.booking.v1 import hold_service_pb2 as booking
from attune.calendar_sync.v1 import feed_service_pb2 as pb
from attune_testing.database import new_database
from common import ids
from common.audit import Entry, record
from common.db import encryption, idempotency, reencryption
from common.db.database import EVERY_PRACTICE, Database
from common.db.reencryption import Outcome
from common.errors import DeadlineExceeded
from common.rpc import request_context
from sample.store import Note

pytestmark = pytest.mark.req("PF-7")
OLD, NEW = f"k1:{encryption.new_key()}", f"k2:{encryption.new_key()}"
INDEX_KEY = encryption.new_key()
PRACTICE = ids.new()


def use(*ring: str) -> None:
    encryption.use(encryption.KeyRing(",".join(ring), INDEX_KEY))


@pytest.fixture
def database(worker_id: str, key_ring: encryption.KeyRing) -> Iterator[Database]:
    """A database that only this test uses, and a ring with the old key during the test."""
    use(OLD)
    made = new_database("sample", worker_id)
    yield made
    made.close()
    encryption.use(key_ring)


def add(database: Database, *texts: str) -> list[UUID]:
    with database.transaction(PRACTICE) as session:
        notes = [Note(id=ids.new(), practice_id=PRACTICE) for _ in texts]
        for note, words in zip(notes, texts, strict=True):
            note.text = words
        session.add_all(notes)
    return [note.id for note in notes]


def read(database: Database) -> dict[UUID, str]:
    with database.transaction(PRACTICE) as session:
        return {note.id: note.text for note in session.scalars(select(Note))}


def ask(database: Database) -> bytes:
    """Store an answer to a request, as for a repetition."""
    request = booking.CreateHoldRequest(request_id="the same", username="u")
    with database.transaction(PRACTICE) as session:
        claim = idempotency.claim(session, "scope", request, pb.ReadFeedResponse)
        answer = claim.earlier or claim.answer(pb.ReadFeedResponse(icalendar=ids.new().bytes))
        return answer.icalendar


def test_every_encrypted_column_is_found(database: Database) -> None:
    with database.transaction(EVERY_PRACTICE) as session:
        found = {table.name: (table.columns, table.key) for table in reencryption.tables(session)}
    assert found == {
        "audit": (("address_sealed",), ("id",)),
        "idempotency": (("response",), ("scope", "request_id")),
        "notes": (("text_sealed",), ("id",)),
    }


def test_everything_stands_under_the_new_key_and_says_what_it_said(database: Database) -> None:
    count = reencryption.BATCH + 7
    add(database, *(f"words {number}" for number in range(count)), "")
    said, answer = read(database), ask(database)
    with request_context.of("request", "192.0.2.7"), database.transaction(PRACTICE) as session:
        record(session, "note.read", subject="account:x")
    use(NEW, OLD)
    assert reencryption.counted(database) == {
        "audit.address": {"k1": 1},
        "idempotency.response": {"k1": 1},
        "notes.text": {"k1": count},
    }
    assert reencryption.re_encrypt(database) == {
        "audit": Outcome(1, (), 0),
        "idempotency": Outcome(1, (), 0),
        "notes": Outcome(count, (), 0),
    }
    use(NEW)
    assert reencryption.counted(database) == {
        "audit.address": {"k2": 1},
        "idempotency.response": {"k2": 1},
        "notes.text": {"k2": count},
    }
    assert (read(database), ask(database)) == (said, answer)
    with database.transaction(PRACTICE) as session:
        assert session.scalars(select(Entry)).one().address == "192.0.2.7"
    assert reencryption.re_encrypt(database)["notes"] == Outcome(0, (), 0)


def test_what_somebody_works_on_is_left_until_later(database: Database) -> None:
    held, other = add(database, "held", "other")
    use(NEW, OLD)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction(PRACTICE) as session:
            note = session.scalars(select(Note).where(Note.id == held).with_for_update()).one()
            running = pool.submit(reencryption.re_encrypt, database)
            end = time.monotonic() + 60
            while reencryption.counted(database)["notes.text"] != {"k1": 1, "k2": 1}:
                assert time.monotonic() < end
                assert not running.done()
            note.text = "changed meanwhile"
        assert running.result(60)["notes"] == Outcome(1, (), 0)
    assert read(database) == {held: "changed meanwhile", other: "other"}


def test_changes_made_meanwhile_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes still write under the old key, so that re-encryption always has work left."""
    monkeypatch.setattr(reencryption, "_PAUSE", 0.001)
    notes = add(database, *("first" for _ in range(60)))
    old = encryption.KeyRing(OLD, INDEX_KEY)
    use(NEW, OLD)

    def rewrite(mine: list[UUID]) -> None:
        for note_id in mine:
            for number in range(1, 16):
                sealed = old.seal(f"{number}".encode(), f"notes.text:{note_id}")
                with database.transaction(PRACTICE) as session:
                    session.execute(
                        text("UPDATE notes SET text_sealed = :sealed WHERE id = :id"),
                        {"id": note_id, "sealed": sealed},
                    )

    changed = 0
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(rewrite, notes[n::3]) for n in range(3)]
        while not all(writer.done() for writer in writers):
            changed += reencryption.re_encrypt(database)["notes"].changed
    assert changed > len(notes)
    reencryption.re_encrypt(database)
    use(NEW)
    assert read(database) == dict.fromkeys(notes, "15")


def test_what_cannot_be_read_is_named_and_stops_nothing(database: Database) -> None:
    good, swapped, foreign, clear = add(database, "good", "swapped", "foreign", "clear")
    other = encryption.KeyRing(f"k0:{encryption.new_key()}", INDEX_KEY)
    with database.transaction(PRACTICE) as session:
        stored = {note.id: note for note in session.scalars(select(Note))}
        stored[swapped].text_sealed = stored[good].text_sealed
        stored[foreign].text_sealed = other.seal(b"foreign", f"notes.text:{foreign}")
        stored[clear].text_sealed = b"Ottilie Vandermeer was here, in clear text"
    use(NEW, OLD)
    outcome = reencryption.re_encrypt(database)["notes"]
    assert (outcome.changed, outcome.left) == (1, 3)
    assert set(outcome.unreadable) == {
        f"notes.text:{swapped}: the value does not belong here, or is under another key 'k1'",
        f"notes.text:{foreign}: key 'k0' is not here",
        f"notes.text:{clear}: this is no encrypted value",
    }
    assert reencryption.counted(database)["notes.text"] == {
        "k2": 1,
        "k1": 1,
        "k0": 1,
        reencryption.NO_KEY: 1,
    }


@pytest.fixture
def hasty(database: Database) -> Iterator[Database]:
    """Return the same database with a limit of one second for statements."""
    url = database.engine.url.render_as_string(hide_password=False)
    made = Database(url, 2, service="sample", patience=0.5)
    yield made
    made.close()


def sleep(database: Database, seconds: float, **patience: float) -> None:
    with database.transaction(EVERY_PRACTICE, **patience) as session:
        session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


def sleep_twice(database: Database) -> None:
    with database.transaction(EVERY_PRACTICE, patience=60) as session:
        session.execute(text("SELECT pg_sleep(1.2)"))
        session.execute(text("SELECT pg_sleep(0.6)"))


WHOLE: dict[str, Callable[[Database], object]] = {
    "one statement": lambda database: sleep(database, 1.2, patience=60),
    "two statements": sleep_twice,
    "counting": reencryption.counted,
    "encrypting again": reencryption.re_encrypt,
}


@pytest.mark.req("PF-13")
@pytest.mark.parametrize("what", WHOLE)
def test_work_on_whole_tables_may_take_longer_than_a_call(
    database: Database, hasty: Database, what: str
) -> None:
    """Longer than PostgreSQL's limit and this process's own; other transactions keep theirs."""
    add(database, "one")
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        with database.transaction(EVERY_PRACTICE) as session:
            session.execute(text("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"))
            locked.set()
            release.wait(30)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(lock)
        assert locked.wait(30)
        working = pool.submit(WHOLE[what], hasty)
        time.sleep(1.2)  # beyond both limits of a usual statement
        release.set()
        holding.result()
        working.result()
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            sleep(hasty, 5)


@pytest.mark.req("PF-13")
def test_a_connection_is_patient_no_longer_than_its_transaction(hasty: Database) -> None:
    with pytest.raises(KeyError), hasty.transaction(EVERY_PRACTICE, patience=60):
        raise KeyError
    with hasty.engine.connect() as connection:
        assert connection.connection.driver_connection.patience == 0.5  # type: ignore[union-attr]  # the connection is open


def test_a_process_says_at_its_start_which_keys_it_lacks(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    add(database, "words")
    use(NEW, OLD)
    assert reencryption.missing(database) == {}
    use(NEW)
    assert reencryption.missing(database) == {"k1": ["notes.text"]}
    reencryption.watch(database)
    for thread in threading.enumerate():
        if thread.name == "keys":
            thread.join(5)
    assert caplog.messages == ["values need key 'k1', which is missing: notes.text"]
